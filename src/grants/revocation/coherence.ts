/**
 * The three ways by which a gateway hears what no longer holds, brought together: the log itself (polled, and read
 * on notifications), the push by Redis, and, for changes made in this process, a direct word.
 */
import type { Sql } from '../../store/connect.ts';
import type { RedisTier } from '../redis.ts';
import { startRevocationFeed } from './feed.ts';
import type { LoggedRevocation, News } from './publish.ts';
import { startPush, type PushStats } from './push.ts';
import { startReceipts, type Receipt } from './receipt.ts';

export interface Coherence {
  /** Monotonic: when the log was last known to be read to its end. -Infinity: never yet. */
  currentAsOfMs(): number;
  /** All up to here was applied. Null: the log could not be read yet. */
  lastSequence(): number | null;
  /** What was just committed: applied here at once, and told to every gateway that Redis reaches. */
  readonly announce: (news: News) => void;
  /** Who has applied the log up to `sequence`; waits for all, `waitMs` at most. Throws when Postgres is away. */
  readonly readReceipt: (sequence: number, waitMs: number) => Promise<Receipt>;
  stats(): CoherenceStats;
  close(): Promise<void>;
}

export interface CoherenceStats {
  /** Null: the revocation log could not be read yet. */
  readonly lastSequence: number | null;
  /** The last attempt to read the revocation log from Postgres worked; there is one every `pollMs`. */
  readonly isLogRead: boolean;
  /** Since the revocation log was last known to be read to its end. */
  readonly feedAgeMs: number;
  /** From the begin of a revoking transaction to its being applied here: the last one, and the longest. */
  readonly revocationLagMs: number;
  readonly revocationLagMsMax: number;
  /** Null without Redis. */
  readonly push: PushStats | null;
}

export interface CoherenceValues {
  readonly pollMs: number;
  readonly nodeName: string;
  readonly boundMs: number;
}

export interface CoherenceDeps {
  readonly sql: Sql;
  readonly redis: RedisTier | null;
  readonly apply: (revocation: LoggedRevocation) => void;
  readonly applyGap: (sequence: number) => void;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  readonly now: () => number;
  readonly wallNow: () => number;
}

/** Waits, for 2 s at most, until the log was read once. */
export async function startCoherence(values: CoherenceValues, deps: CoherenceDeps): Promise<Coherence> {
  const { sql, redis, log, now } = deps;
  const feed = startRevocationFeed(
    { pollMs: values.pollMs },
    { ...deps, onAdvance: () => receipts.advance() },
  );
  const receipts = startReceipts(values, { sql, lastSequence: () => feed.lastSequence() });
  const push = redis === null ? null : startPush({ heartbeatMs: values.pollMs }, { redis, feed, log, now });
  await feed.poll();
  return {
    currentAsOfMs: () => feed.currentAsOfMs(),
    lastSequence: () => feed.lastSequence(),
    announce(news) {
      feed.take(news, null);
      push?.tell(news);
    },
    readReceipt: (sequence, waitMs) => receipts.read(sequence, waitMs),
    stats: () => ({
      lastSequence: feed.lastSequence(),
      isLogRead: feed.stats().isRead,
      feedAgeMs: now() - feed.currentAsOfMs(),
      revocationLagMs: feed.stats().lagLastMs,
      revocationLagMsMax: feed.stats().lagMaxMs,
      push: push?.stats() ?? null,
    }),
    async close() {
      push?.close();
      await receipts.close();
      await feed.close();
    },
  };
}
