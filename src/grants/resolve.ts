/**
 * Token -> grant: memory, then Redis, then Postgres; and how long any of it may be believed.
 *
 * Promise: a revoked token is refused as soon as the revocation log was read (a notification, else a poll); when
 * the log cannot be read, a cached grant is believed for `staleMaxMs` and not longer: then the answer is doubt.
 * Doubt is never 'unknown'. A token is hashed at once and goes nowhere else.
 */
import { createDatabase, type ClientFound } from './database.ts';
import type { Denial, Grant, SiteVerdict, TokenVerdict } from './grant.ts';
import { createMemory } from './memory.ts';
import type { Revocation } from './publish.ts';
import type { RedisTier } from './redis.ts';
import { startRevocationFeed } from './revocation.ts';
import { createSites } from './site.ts';
import { hashToken, isPossibleToken } from './token.ts';
import type { Sql } from '../store/connect.ts';

export interface Grants {
  /** The answer that memory has; null: a look-up is needed. The way of every good request. */
  peek(token: string): TokenVerdict | null;
  resolve(token: string): Promise<TokenVerdict>;
  /** `domain` in lower case, without a leading 'www.'. */
  peekSite(domain: string): SiteVerdict | null;
  resolveSite(domain: string): Promise<SiteVerdict>;
  stats(): GrantStats;
  close(): Promise<void>;
}

export interface GrantStats {
  readonly hits: number;
  readonly redisHits: number;
  readonly lookups: number;
  readonly doubts: number;
  readonly cached: number;
  readonly cachedNegatives: number;
  readonly lastSequence: number;
  /** Since the revocation log was last known to be read to its end. */
  readonly feedAgeMs: number;
  readonly isBelievable: boolean;
}

export interface GrantValues {
  readonly grantsMax: number;
  readonly staleMaxMs: number;
  readonly pollMs: number;
}

export interface GrantDeps {
  readonly sql: Sql;
  readonly redis: RedisTier | null;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  /** Monotonic, in ms. */
  readonly now?: () => number;
}

/** A change that nobody announced (rows edited by hand) is seen after this long at the latest. */
const REFRESH_MS = 60_000;

export async function createGrants(values: GrantValues, deps: GrantDeps): Promise<Grants> {
  const now = deps.now ?? (() => performance.now());
  const memory = createMemory(values.grantsMax);
  const database = createDatabase(deps.sql);
  const sites = createSites({ database, isBelievable, now });
  const flights = new Map<string, Promise<TokenVerdict>>();
  let hits = 0;
  let redisHits = 0;
  let doubts = 0;
  const feed = await startRevocationFeed(
    { pollMs: values.pollMs },
    { sql: deps.sql, apply, applyGap, log: deps.log, now },
  );

  function apply(revocation: Revocation): void {
    if (revocation.kind === 'site') {
      sites.forget(revocation.subject);
      return;
    }
    memory.revoke(revocation.subject, revocation.version);
    deps.redis?.revoke(revocation.subject, revocation.version);
  }

  function applyGap(): void {
    memory.clear();
    sites.clear();
  }

  function isBelievable(verifiedAtMs: number): boolean {
    return now() - Math.max(verifiedAtMs, feed.currentAsOfMs()) <= values.staleMaxMs;
  }

  function fly(tokenHash: string): Promise<TokenVerdict> {
    const flying = flights.get(tokenHash);
    if (flying !== undefined) return flying;
    const flight = look(tokenHash).finally(() => flights.delete(tokenHash));
    flights.set(tokenHash, flight);
    return flight;
  }

  async function look(tokenHash: string): Promise<TokenVerdict> {
    // Redis is asked only when there is nothing here to renew, and the log is current enough to contradict it.
    if (deps.redis !== null && memory.findGrant(tokenHash) === undefined && isBelievable(-Infinity)) {
      const found = await deps.redis.read(tokenHash);
      const cached = found === null ? null : memory.keepGrant(found, -Infinity);
      if (cached !== null) {
        redisHits++;
        return judgeExpiry(cached.verdict);
      }
    }
    return (
      (await readDatabase(tokenHash)) ?? (await readDatabase(tokenHash)) ?? doubt('the client keeps changing')
    );
  }

  /** Null: what was read is older than what is known by now; read again. */
  async function readDatabase(tokenHash: string): Promise<TokenVerdict | null> {
    const startedAtMs = now();
    const leastVersion = memory.leastVersion(tokenHash);
    const found = await database.findClient(tokenHash);
    if (found.kind === 'doubt') return doubt(found.cause);
    if (found.kind === 'grant') return keepGrant(found.grant, startedAtMs);
    if (memory.leastVersion(tokenHash) !== leastVersion) return null;
    const verdict = denials[found.kind];
    memory.keepNegative(tokenHash, verdict, now());
    return verdict;
  }

  function keepGrant(grant: Grant, verifiedAtMs: number): TokenVerdict | null {
    const cached = memory.keepGrant(grant, verifiedAtMs);
    if (cached === null) return null;
    deps.redis?.fill(grant);
    return judgeExpiry(cached.verdict);
  }

  function doubt(cause: string): TokenVerdict {
    doubts++;
    return { kind: 'doubt', cause };
  }

  return {
    peek(token) {
      const tokenHash = hashToken(token);
      const cached = memory.findGrant(tokenHash);
      if (cached === undefined) {
        return isPossibleToken(token) ? memory.findNegative(tokenHash, now()) : denials.malformed;
      }
      if (!isBelievable(cached.verifiedAtMs)) return null;
      if (now() - cached.verifiedAtMs > REFRESH_MS) void fly(tokenHash);
      hits++;
      return judgeExpiry(cached.verdict);
    },
    resolve: (token) => (isPossibleToken(token) ? fly(hashToken(token)) : Promise.resolve(denials.malformed)),
    peekSite: (domain) => sites.peek(domain),
    resolveSite: (domain) => sites.resolve(domain),
    stats: () => ({
      hits,
      redisHits,
      lookups: database.stats().lookups,
      doubts,
      cached: memory.grantCount,
      cachedNegatives: memory.negativeCount,
      lastSequence: feed.lastSequence(),
      feedAgeMs: now() - feed.currentAsOfMs(),
      isBelievable: isBelievable(-Infinity),
    }),
    close: () => feed.close(),
  };
}

const denials: Readonly<Record<Denial, TokenVerdict>> = {
  malformed: { kind: 'denied', reason: 'malformed' },
  unknown: { kind: 'denied', reason: 'unknown' },
  revoked: { kind: 'denied', reason: 'revoked' },
  expired: { kind: 'denied', reason: 'expired' },
} satisfies Record<Exclude<ClientFound['kind'], 'grant' | 'doubt'> | 'malformed', TokenVerdict>;

function judgeExpiry(verdict: Extract<TokenVerdict, { kind: 'granted' }>): TokenVerdict {
  return verdict.grant.expiresAtMs > Date.now() ? verdict : denials.expired;
}
