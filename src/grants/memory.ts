/**
 * First tier: grants in this process. Good and bad tokens live in caches of their own, so that a flood of random
 * tokens cannot push out good grants.
 *
 * What was announced is remembered too, by version: a reader that was slow cannot bring back what was revoked while
 * it read. That memory is bounded; when it forgets an announcement it raises `leastSequence`, and whatever another
 * gateway read before that announcement is believed no more. So forgetting costs look-ups, never truth.
 */
import { LRUCache } from 'lru-cache';
import type { Grant, TokenVerdict } from './grant.ts';

export interface CachedGrant {
  readonly verdict: Extract<TokenVerdict, { kind: 'granted' }>;
  /** Monotonic time at which it was surely true. */
  readonly verifiedAtMs: number;
  /** When to read it again, while it goes on being believed. */
  refreshAtMs: number;
}

export interface Memory {
  grantCount(): number;
  negativeCount(): number;
  /** What others have read when they knew less of the revocation log than this is not believed. */
  leastSequence(): number;
  /** The least version of a grant that may still be believed. */
  leastVersion(tokenHash: string): number;
  findGrant(tokenHash: string): CachedGrant | undefined;
  keepGrant(grant: Grant, verifiedAtMs: number, refreshAtMs: number): CachedGrant['verdict'];
  findNegative(tokenHash: string, nowMs: number): TokenVerdict | null;
  /** Only for a definite answer of the database, never for an error. Returns the grant that this ends, if any. */
  keepNegative(tokenHash: string, verdict: TokenVerdict, nowMs: number): Grant | null;
  /** The grant is looked up again; held objects older than `version` are void. */
  revoke(tokenHash: string, version: number, sequence: number): void;
  /** Forgets all: announcements up to `sequence` may have been missed. */
  clear(sequence: number): void;
}

/** An unknown token is not looked up again for so long; a token made meanwhile is announced. */
const NEGATIVE_MS = 5000;
const NEGATIVES_MAX = 20_000;
const VERSIONS_MAX = 100_000;

export function createMemory(grantsMax: number, versionsMax: number = VERSIONS_MAX): Memory {
  const grants = new LRUCache<string, CachedGrant>({ max: grantsMax });
  const negatives = new LRUCache<string, { readonly verdict: TokenVerdict; readonly untilMs: number }>({
    max: NEGATIVES_MAX,
  });
  const versions = new LRUCache<string, { readonly version: number; readonly sequence: number }>({
    max: versionsMax,
    dispose: (forgotten, _, reason) => {
      if (reason === 'evict') leastSequence = Math.max(leastSequence, forgotten.sequence);
    },
  });
  let leastSequence = 0;

  function dropGrant(tokenHash: string): Grant | null {
    const grant = grants.peek(tokenHash)?.verdict.grant ?? null;
    grants.delete(tokenHash);
    return grant;
  }

  return {
    grantCount: () => grants.size,
    negativeCount: () => negatives.size,
    leastSequence: () => leastSequence,
    leastVersion: (tokenHash) => versions.peek(tokenHash)?.version ?? 0,
    findGrant: (tokenHash) => grants.get(tokenHash),
    keepGrant(grant, verifiedAtMs, refreshAtMs) {
      const known = grants.peek(grant.tokenHash)?.verdict;
      // A refresh that finds nothing new keeps the object that requests already hold, so that a later revocation
      // reaches them.
      const isNew = known === undefined || !isSame(known.grant, grant);
      if (isNew && known !== undefined) known.grant.isVoid = true;
      if (known !== undefined) grant.meter = known.grant.meter;
      const verdict = isNew ? ({ kind: 'granted', grant } as const) : known;
      grants.set(grant.tokenHash, { verdict, verifiedAtMs, refreshAtMs });
      negatives.delete(grant.tokenHash);
      return verdict;
    },
    findNegative(tokenHash, nowMs) {
      const negative = negatives.get(tokenHash);
      return negative !== undefined && nowMs < negative.untilMs ? negative.verdict : null;
    },
    keepNegative(tokenHash, verdict, nowMs) {
      negatives.set(tokenHash, { verdict, untilMs: nowMs + NEGATIVE_MS });
      const ended = dropGrant(tokenHash);
      if (ended !== null) ended.isVoid = true;
      return ended;
    },
    revoke(tokenHash, version, sequence) {
      versions.set(tokenHash, {
        version: Math.max(version, versions.peek(tokenHash)?.version ?? 0),
        sequence,
      });
      negatives.delete(tokenHash);
      const ended = dropGrant(tokenHash);
      // One as new is dropped too, though most often it was read after the change: behind a failover that has lost some
      // changes a lower version may be the later one.
      if (ended !== null && ended.version < version) ended.isVoid = true;
    },
    clear(sequence) {
      for (const { verdict } of grants.values()) verdict.grant.isVoid = true;
      grants.clear();
      negatives.clear();
      versions.clear();
      leastSequence = sequence;
    },
  };
}

function isSame(one: Grant, other: Grant): boolean {
  if (one.version !== other.version || one.expiresAtMs !== other.expiresAtMs) return false;
  if (JSON.stringify(one.limits) !== JSON.stringify(other.limits)) return false;
  return isSameRoles(one.siteRoles, other.siteRoles) && isSameRoles(one.currentRoles, other.currentRoles);
}

function isSameRoles(one: Grant['siteRoles'], other: Grant['siteRoles']): boolean {
  if (one.size !== other.size) return false;
  for (const [siteId, role] of one) if (other.get(siteId) !== role) return false;
  return true;
}
