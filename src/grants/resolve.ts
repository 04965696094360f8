/**
 * Token -> grant: memory, then Redis, then Postgres; and how long any of it may be believed.
 *
 * Promise: a revoked token is refused as soon as the revocation log was read (a notification, else a poll); when
 * the log cannot be read, a cached grant is believed for `staleMaxMs` after it last was, or after the grant itself
 * was last read from Postgres, and not longer: then the answer is doubt. Doubt is never 'unknown'. A token is hashed
 * at once and goes nowhere else: no log, no error, no statistic has it.
 */
import type { Sql } from '../store/connect.ts';
import { createDatabase, type ClientFound } from './database.ts';
import type { Denial, SiteVerdict, TokenVerdict } from './grant.ts';
import { createFlights, type Flight } from './lookup/flights.ts';
import { createMemory } from './memory.ts';
import type { RedisStats, RedisTier } from './redis.ts';
import { startCoherence, type Coherence, type CoherenceStats } from './revocation/coherence.ts';
import type { LoggedRevocation } from './revocation/publish.ts';
import { createSites } from './site.ts';
import { hashToken, isPossibleToken, TOKEN_LENGTH_MAX } from './token.ts';

export interface Grants {
  /** The answer that memory has; null: a look-up is needed. The way of every good request. */
  peek(token: string): TokenVerdict | null;
  /** Never fails: what cannot be found out is doubt. */
  resolve(token: string): Promise<TokenVerdict>;
  /** `domain` in lower case, without a leading 'www.'. */
  peekSite(domain: string): SiteVerdict | null;
  resolveSite(domain: string): Promise<SiteVerdict>;
  readonly announce: Coherence['announce'];
  readonly readReceipt: Coherence['readReceipt'];
  stats(): GrantStats;
  close(): Promise<void>;
}

export interface GrantStats extends CoherenceStats {
  readonly hits: number;
  readonly negativeHits: number;
  /** Look-ups beyond this process' memory; background refreshes are among them. */
  readonly misses: number;
  readonly redisHits: number;
  /** Queries to Postgres for a client. */
  readonly lookups: number;
  readonly siteLookups: number;
  readonly doubts: number;
  readonly cached: number;
  readonly cachedNegatives: number;
  readonly isBelievable: boolean;
  /** Null without Redis. */
  readonly redis: RedisStats | null;
}

export interface GrantValues {
  readonly grantsMax: number;
  readonly staleMaxMs: number;
  readonly pollMs: number;
  /** In receipts. */
  readonly nodeName: string;
}

export interface GrantDeps {
  readonly sql: Sql;
  /**
   * For the revocation log: best a pool of one connection of its own. In a shared pool a poll can wait behind
   * look-ups that wait for a lock, and the log falls behind. Not set: `sql`.
   */
  readonly feedSql?: Sql;
  readonly redis: RedisTier | null;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  /** Monotonic, in ms: ages. */
  readonly now?: () => number;
  /** Since 1970, in ms: expiry. */
  readonly wallNow?: () => number;
}

/** A change that nobody announced (rows edited by hand) is seen after this long, or as soon as its turn comes. */
const REFRESH_MS = 60_000;
const RETRY_MS = 5000;
/** Between two refreshes: a hundred thousand grants that are due at once must not take Postgres from everybody else. */
const REFRESH_GAP_MS = 2;
const READS_MAX = 2;

/** Waits, for 2 s at most, until the revocation log was read once. Postgres may be down: then all is doubt. */
export async function createGrants(values: GrantValues, deps: GrantDeps): Promise<Grants> {
  const { redis, now = () => performance.now(), wallNow = Date.now } = deps;
  const memory = createMemory(values.grantsMax);
  const database = createDatabase(deps.sql, wallNow);
  const sites = createSites({ database, isBelievable, now });
  const flights = createFlights<TokenVerdict>();
  const coherence = await startCoherence(
    { pollMs: values.pollMs, nodeName: values.nodeName, boundMs: values.staleMaxMs },
    { sql: deps.feedSql ?? deps.sql, redis, apply, applyGap, log: deps.log, now, wallNow },
  );
  let nextRefreshMs = -Infinity;
  const counts = { hits: 0, negativeHits: 0, misses: 0, redisHits: 0, doubts: 0 };
  function apply({ kind, subject, version, sequence }: LoggedRevocation): void {
    if (kind === 'site') {
      sites.forget(subject);
      return;
    }
    memory.revoke(subject, version, sequence);
    flights.overtake(subject);
    redis?.revoke(subject, version, sequence);
  }

  function applyGap(sequence: number): void {
    memory.clear(sequence);
    flights.overtakeAll();
    sites.clear();
  }

  function isBelievable(verifiedAtMs: number, nowMs: number): boolean {
    return nowMs - Math.max(verifiedAtMs, coherence.currentAsOfMs()) <= values.staleMaxMs;
  }

  function judgeExpiry(verdict: Granted): TokenVerdict {
    const { expiresAtMs } = verdict.grant;
    return expiresAtMs === Infinity || expiresAtMs > wallNow() ? verdict : denials.expired;
  }

  function fly(tokenHash: string): Promise<TokenVerdict> {
    return flights.join(tokenHash, (flight) => look(tokenHash, flight));
  }

  async function look(tokenHash: string, flight: Flight): Promise<TokenVerdict> {
    counts.misses++;
    // What is known is confirmed where the truth is: nobody else's memory is newer than the log.
    const isKnown = memory.findGrant(tokenHash) !== undefined;
    let verdict = isKnown ? null : await readRedis(tokenHash, flight);
    for (let read = 0; verdict === null && read < READS_MAX; read++) {
      verdict = await readDatabase(tokenHash, flight, isKnown);
    }
    verdict ??= { kind: 'doubt', cause: 'the client keeps changing' };
    if (verdict.kind === 'doubt') counts.doubts++;
    return verdict;
  }

  /** Null: nothing there that can be believed. */
  async function readRedis(tokenHash: string, flight: Flight): Promise<TokenVerdict | null> {
    const shared = redis === null ? null : await redis.read(tokenHash);
    if (shared === null || flight.isOvertaken || coherence.lastSequence() === null) return null;
    // Everything that was announced since its reader asked Postgres must have passed through this memory.
    const { grant, sequence } = shared;
    if (sequence < memory.leastSequence() || grant.version < memory.leastVersion(tokenHash)) return null;
    if (!isBelievable(-Infinity, now())) return null;
    counts.redisHits++;
    return judgeExpiry(memory.keepGrant(grant, coherence.currentAsOfMs(), now() + REFRESH_MS));
  }

  /** Null: what was read is older than what is known by now; read again. */
  async function readDatabase(
    tokenHash: string,
    flight: Flight,
    isKnown: boolean,
  ): Promise<TokenVerdict | null> {
    flight.isOvertaken = false;
    const startedAtMs = now();
    const sequence = coherence.lastSequence();
    const found = await database.findClient(tokenHash, isKnown);
    if (found.kind === 'doubt') return found;
    if (flight.isOvertaken) return null;
    if (found.kind === 'grant') {
      if (found.grant.version < memory.leastVersion(tokenHash)) return null;
      if (sequence !== null) redis?.fill(found.grant, sequence);
      return judgeExpiry(memory.keepGrant(found.grant, startedAtMs, startedAtMs + REFRESH_MS));
    }
    const verdict = denials[found.kind];
    const ended = memory.keepNegative(tokenHash, verdict, now());
    // It ended without being announced: what Redis holds of it must not come back.
    if (ended !== null && sequence !== null) redis?.revoke(tokenHash, ended.version + 1, sequence);
    return verdict;
  }

  function peek(token: string): TokenVerdict | null {
    if (token.length > TOKEN_LENGTH_MAX) return denials.malformed;
    const tokenHash = hashToken(token);
    const cached = memory.findGrant(tokenHash);
    if (cached === undefined) return isPossibleToken(token) ? peekNegative(tokenHash) : denials.malformed;
    const nowMs = now();
    if (!isBelievable(cached.verifiedAtMs, nowMs)) return null;
    if (nowMs >= cached.refreshAtMs && nowMs >= nextRefreshMs) {
      nextRefreshMs = nowMs + REFRESH_GAP_MS;
      cached.refreshAtMs = nowMs + RETRY_MS;
      void fly(tokenHash);
    }
    counts.hits++;
    return judgeExpiry(cached.verdict);
  }

  function peekNegative(tokenHash: string): TokenVerdict | null {
    const verdict = memory.findNegative(tokenHash, now());
    if (verdict !== null) counts.negativeHits++;
    return verdict;
  }

  function stats(): GrantStats {
    const { clientLookups, siteLookups } = database.stats();
    return {
      ...counts,
      lookups: clientLookups,
      siteLookups,
      cached: memory.grantCount(),
      cachedNegatives: memory.negativeCount(),
      isBelievable: isBelievable(-Infinity, now()),
      redis: redis?.stats() ?? null,
      ...coherence.stats(),
    };
  }

  return {
    peek,
    resolve: async (token) => peek(token) ?? fly(hashToken(token)),
    peekSite: (domain) => sites.peek(domain),
    resolveSite: async (domain) => sites.peek(domain) ?? sites.resolve(domain),
    announce: coherence.announce,
    readReceipt: coherence.readReceipt,
    stats,
    close: () => coherence.close(),
  };
}

type Granted = Extract<TokenVerdict, { kind: 'granted' }>;

const denials = {
  malformed: { kind: 'denied', reason: 'malformed' },
  unknown: { kind: 'denied', reason: 'unknown' },
  revoked: { kind: 'denied', reason: 'revoked' },
  expired: { kind: 'denied', reason: 'expired' },
} satisfies Record<Denial | Exclude<ClientFound['kind'], 'grant' | 'doubt'>, TokenVerdict>;
