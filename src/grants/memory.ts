/**
 * First tier: grants in this process. Good and bad tokens live in caches of their own, so that a flood of random
 * tokens cannot push out good grants; and what is known to have changed is remembered by version, so that a slow
 * reader cannot bring back what was revoked while it read.
 */
import { LRUCache } from 'lru-cache';
import type { Grant, TokenVerdict } from './grant.ts';

export interface CachedGrant {
  readonly verdict: Extract<TokenVerdict, { kind: 'granted' }>;
  /** Monotonic time of the read from Postgres; -Infinity when it came from another tier. */
  readonly verifiedAtMs: number;
}

export interface Memory {
  readonly grantCount: number;
  readonly negativeCount: number;
  findGrant(tokenHash: string): CachedGrant | undefined;
  /** Keeps a grant, unless something newer is known; null then: the reader was too slow and has to read again. */
  keepGrant(grant: Grant, verifiedAtMs: number): CachedGrant | null;
  findNegative(tokenHash: string, nowMs: number): TokenVerdict | null;
  /** Only for a definite answer of the database, never for an error. */
  keepNegative(tokenHash: string, verdict: TokenVerdict, nowMs: number): void;
  /** Everything older than `version` is void, held objects included. */
  revoke(tokenHash: string, version: number): void;
  /** The least version of a grant that may still be believed. */
  leastVersion(tokenHash: string): number;
  /** Forgets all: what had been announced may have been missed. */
  clear(): void;
}

/** A flood of unknown tokens is held back for this long each; a token made meanwhile is announced. */
const NEGATIVE_MS = 5000;
const NEGATIVES_MAX = 20_000;
const VERSIONS_MAX = 100_000;

export function createMemory(grantsMax: number): Memory {
  const grants = new LRUCache<string, CachedGrant>({ max: grantsMax });
  const negatives = new LRUCache<string, { readonly verdict: TokenVerdict; readonly untilMs: number }>({
    max: NEGATIVES_MAX,
  });
  const versions = new LRUCache<string, number>({ max: VERSIONS_MAX });

  return {
    get grantCount() {
      return grants.size;
    },
    get negativeCount() {
      return negatives.size;
    },
    findGrant: (tokenHash) => grants.get(tokenHash),
    keepGrant(grant, verifiedAtMs) {
      if (grant.version < (versions.get(grant.tokenHash) ?? 0)) return null;
      const known = grants.get(grant.tokenHash);
      // A refresh that finds nothing new keeps the object that requests already hold.
      const verdict =
        known !== undefined && known.verdict.grant.version === grant.version
          ? known.verdict
          : ({ kind: 'granted', grant } as const);
      const cached = { verdict, verifiedAtMs };
      grants.set(grant.tokenHash, cached);
      return cached;
    },
    findNegative(tokenHash, nowMs) {
      const negative = negatives.get(tokenHash);
      return negative !== undefined && nowMs < negative.untilMs ? negative.verdict : null;
    },
    keepNegative(tokenHash, verdict, nowMs) {
      const known = grants.get(tokenHash);
      if (known !== undefined) {
        known.verdict.grant.isRevoked = true;
        grants.delete(tokenHash);
      }
      negatives.set(tokenHash, { verdict, untilMs: nowMs + NEGATIVE_MS });
    },
    revoke(tokenHash, version) {
      if (version > (versions.get(tokenHash) ?? 0)) versions.set(tokenHash, version);
      negatives.delete(tokenHash);
      const known = grants.get(tokenHash);
      if (known === undefined || known.verdict.grant.version >= version) return;
      known.verdict.grant.isRevoked = true;
      grants.delete(tokenHash);
    },
    leastVersion: (tokenHash) => versions.get(tokenHash) ?? 0,
    clear() {
      for (const cached of grants.values()) cached.verdict.grant.isRevoked = true;
      grants.clear();
      negatives.clear();
    },
  };
}
