/** Domain -> site, in this process. An unknown domain is believed for half a second at most: a new site shows. */
import { LRUCache } from 'lru-cache';
import type { Database } from './database.ts';
import type { SiteVerdict } from './grant.ts';

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
  readonly isBelievable: (verifiedAtMs: number) => boolean;
  readonly now: () => number;
}

interface CachedSite {
  readonly verdict: SiteVerdict;
  readonly verifiedAtMs: number;
}

const SITES_MAX = 50_000;
const UNKNOWNS_MAX = 10_000;
const UNKNOWN_MS = 500;

export function createSites(deps: SiteDeps): Sites {
  const known = new LRUCache<string, CachedSite>({ max: SITES_MAX });
  const unknown = new LRUCache<string, CachedSite>({ max: UNKNOWNS_MAX });
  const flights = new Map<string, Promise<SiteVerdict>>();
  /** Grows with every announcement: an answer that was asked for before one is not kept. */
  let epoch = 0;

  async function look(domain: string): Promise<SiteVerdict> {
    const startedAtMs = deps.now();
    const startedEpoch = epoch;
    const verdict = await deps.database.findSite(domain);
    if (epoch === startedEpoch) {
      if (verdict.kind === 'site') known.set(domain, { verdict, verifiedAtMs: startedAtMs });
      if (verdict.kind === 'unknown') unknown.set(domain, { verdict, verifiedAtMs: startedAtMs });
    }
    return verdict;
  }

  return {
    peek(domain) {
      const site = known.get(domain);
      if (site !== undefined && deps.isBelievable(site.verifiedAtMs)) return site.verdict;
      const none = unknown.get(domain);
      return none !== undefined && deps.now() - none.verifiedAtMs < UNKNOWN_MS ? none.verdict : null;
    },
    resolve(domain) {
      const flying = flights.get(domain);
      if (flying !== undefined) return flying;
      const flight = look(domain).finally(() => flights.delete(domain));
      flights.set(domain, flight);
      return flight;
    },
    forget(domain) {
      epoch++;
      known.delete(domain);
      unknown.delete(domain);
    },
    clear() {
      epoch++;
      known.clear();
      unknown.clear();
    },
  };
}
