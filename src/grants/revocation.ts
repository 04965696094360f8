/**
 * The feed of what no longer holds: reads the revocation log on every notification, on every reconnect, and every
 * `pollMs` whatever happens. A notification may be lost; the log cannot be.
 *
 * `currentAsOfMs` is when the log was last known to be read to its end: whatever is cached and not contradicted
 * was true then. It is what bounds how long anything is believed.
 */
import { REVOCATION_CHANNEL, type Revocation } from './publish.ts';
import type { Sql } from '../store/connect.ts';

export interface RevocationFeed {
  /** Monotonic time, in ms. */
  currentAsOfMs(): number;
  lastSequence(): number;
  close(): Promise<void>;
}

export interface FeedValues {
  readonly pollMs: number;
}

export interface FeedDeps {
  readonly sql: Sql;
  readonly apply: (revocation: Revocation) => void;
  /** The log has a gap: anything may have changed. */
  readonly applyGap: () => void;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  readonly now: () => number;
}

interface LogRow extends Revocation {
  readonly seq: number;
}

const PAGE_ROWS = 1000;
const POLL_TIMEOUT_MS = 2000;
/** As long as an entry may live in Redis: a gateway that starts must know what was revoked in that time. */
const MEMORY_MINUTES = 15;

/** Resolves when the log has been read once: nothing may be cached before. */
export async function startRevocationFeed(values: FeedValues, deps: FeedDeps): Promise<RevocationFeed> {
  let last = await readRecent(deps);
  let currentAsOfMs = deps.now();
  let polling: Promise<void> | null = null;
  let isAgain = false;
  let isFailing = false;
  let isClosed = false;

  /** One at a time; a call during a poll makes one more follow it, since that poll may have looked too early. */
  function poll(): Promise<void> {
    if (polling !== null) {
      isAgain = true;
      return polling;
    }
    polling = pollOnce().finally(() => {
      polling = null;
      if (isAgain && !isClosed) {
        isAgain = false;
        void poll();
      }
    });
    return polling;
  }

  async function pollOnce(): Promise<void> {
    try {
      for (let rows = PAGE_ROWS; rows === PAGE_ROWS && !isClosed;) {
        const startedAtMs = deps.now();
        rows = await within(POLL_TIMEOUT_MS, readPage());
        if (rows < PAGE_ROWS) currentAsOfMs = startedAtMs;
      }
      if (isFailing) deps.log('info', {}, 'the revocation log is read again');
      isFailing = false;
    } catch (error) {
      if (!isFailing && !isClosed) {
        deps.log(
          'warn',
          { cause: error instanceof Error ? error.message : String(error) },
          'the revocation log cannot be read',
        );
      }
      isFailing = true;
    }
  }

  async function readPage(): Promise<number> {
    const rows = await deps.sql<LogRow[]>`
      SELECT seq::int, kind, subject, version::int FROM revocation_log
      WHERE seq > ${last} ORDER BY seq LIMIT ${PAGE_ROWS}`;
    if (rows.length === 0) {
      const [newest] = await deps.sql<
        { seq: number }[]
      >`SELECT coalesce(max(seq), 0)::int AS seq FROM revocation_log`;
      // The log is shorter than it was: another database, or a restored one.
      if (newest !== undefined && newest.seq < last && newest.seq > 0) {
        last = newest.seq;
        deps.applyGap();
      }
    }
    for (const row of rows) {
      deps.apply(row);
      last = row.seq;
    }
    return rows.length;
  }

  const listening = await deps.sql.listen(
    REVOCATION_CHANNEL,
    () => void poll(),
    () => void poll(),
  );
  const timer = setInterval(() => void poll(), values.pollMs);
  return {
    currentAsOfMs: () => currentAsOfMs,
    lastSequence: () => last,
    async close() {
      isClosed = true;
      clearInterval(timer);
      await listening.unlisten().catch(() => undefined);
      await polling;
    },
  };
}

/** Applies what was revoked lately, and returns the last sequence number. */
async function readRecent(deps: FeedDeps): Promise<number> {
  const [newest] = await deps.sql<
    { seq: number }[]
  >`SELECT coalesce(max(seq), 0)::int AS seq FROM revocation_log`;
  const rows = await deps.sql<LogRow[]>`
    SELECT seq::int, kind, subject, version::int FROM revocation_log
    WHERE created_at > now() - make_interval(mins => ${MEMORY_MINUTES}) ORDER BY seq`;
  for (const row of rows) deps.apply(row);
  return Math.max(newest?.seq ?? 0, rows.at(-1)?.seq ?? 0);
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
