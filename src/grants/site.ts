/**
 * Domain -> site, in this process. A known site is believed like a grant: until the revocation log names it, and no
 * longer than `staleMaxMs` beyond the log. An unknown domain is believed for 500 ms: a new site shows soon even when
 * nobody announced it.
 */
import { LRUCache } from 'lru-cache';
import type { Database } from './database.ts';
import type { SiteVerdict } from './grant.ts';
import { createFlights, type Flight } from './lookup/flights.ts';

export interface Sites {
  /** Null: a look-up is needed. */
  peek(domain: string): SiteVerdict | null;
  resolve(domain: string): Promise<SiteVerdict>;
  forget(domain: string): void;
  clear(): void;
}

export interface SiteDeps {
  readonly database: Database;
  /** Whether something that was true at `verifiedAtMs` may be believed now. */
  readonly isBelievable: (verifiedAtMs: number, nowMs: number) => boolean;
  readonly now: () => number;
}

interface CachedSite {
  readonly verdict: SiteVerdict;
  readonly verifiedAtMs: number;
  refreshAtMs: number;
}

/** A change that nobody announced (rows edited by hand) is seen after this long. */
const REFRESH_MS = 60_000;
const RETRY_MS = 5000;
const SITES_MAX = 50_000;
const UNKNOWNS_MAX = 10_000;
const UNKNOWN_MS = 500;
const READS_MAX = 2;
/** A longer name is no host name, and no key for a cache. */
const DOMAIN_LENGTH_MAX = 253;

export function createSites(deps: SiteDeps): Sites {
  const { database, isBelievable, now } = deps;
  const known = new LRUCache<string, CachedSite>({ max: SITES_MAX });
  const unknown = new LRUCache<string, number>({ max: UNKNOWNS_MAX });
  const flights = createFlights<SiteVerdict>();

  async function look(domain: string, flight: Flight): Promise<SiteVerdict> {
    for (let read = 0; read < READS_MAX; read++) {
      flight.isOvertaken = false;
      const startedAtMs = now();
      const verdict = await database.findSite(domain, known.has(domain));
      if (verdict.kind === 'doubt') return verdict;
      if (flight.isOvertaken) continue;
      if (verdict.kind === 'site') {
        known.set(domain, { verdict, verifiedAtMs: startedAtMs, refreshAtMs: startedAtMs + REFRESH_MS });
        unknown.delete(domain);
      } else {
        known.delete(domain);
        unknown.set(domain, startedAtMs + UNKNOWN_MS);
      }
      return verdict;
    }
    return { kind: 'doubt', cause: 'the site keeps changing' };
  }

  function resolve(domain: string): Promise<SiteVerdict> {
    return flights.join(domain, (flight) => look(domain, flight));
  }

  return {
    peek(domain) {
      if (domain.length > DOMAIN_LENGTH_MAX) return UNKNOWN;
      const site = known.get(domain);
      if (site === undefined) return now() < (unknown.get(domain) ?? -Infinity) ? UNKNOWN : null;
      const nowMs = now();
      if (!isBelievable(site.verifiedAtMs, nowMs)) return null;
      if (nowMs >= site.refreshAtMs) {
        site.refreshAtMs = nowMs + RETRY_MS;
        void resolve(domain);
      }
      return site.verdict;
    },
    resolve,
    forget(domain) {
      known.delete(domain);
      unknown.delete(domain);
      flights.overtake(domain);
    },
    clear() {
      known.clear();
      unknown.clear();
      flights.overtakeAll();
    },
  };
}

const UNKNOWN: SiteVerdict = { kind: 'unknown' };
