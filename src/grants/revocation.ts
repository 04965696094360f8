/**
 * The feed of what no longer holds: reads the revocation log on every notification, on every reconnect, and every
 * `pollMs` whatever happens. A notification may be lost; the log cannot be.
 *
 * `currentAsOfMs` is when the log was last known to be read to its end: what was cached and not contradicted was true
 * then. It bounds how long anything is believed. The log may be pruned, but not of its last hour: a gateway that was
 * cut off for longer than 10 minutes forgets all that it cached instead of catching up.
 *
 * When Postgres is down: `currentAsOfMs` stands still, and polls go on.
 */
import type { Sql } from '../store/connect.ts';
import { awaitWithin, nameCause } from './database.ts';
import { REVOCATION_CHANNEL, type Revocation } from './publish.ts';

export interface RevocationFeed {
  /** Monotonic time, in ms; -Infinity: never yet. */
  currentAsOfMs(): number;
  /** All up to here was applied. Null: the log could not be read yet. */
  lastSequence(): number | null;
  /** Reads the log now. Ends after 2 s at the latest, whether that worked or not. */
  poll(): Promise<void>;
  close(): Promise<void>;
}

export interface FeedValues {
  readonly pollMs: number;
}

export interface FeedDeps {
  readonly sql: Sql;
  readonly apply: (revocation: Revocation, sequence: number) => void;
  /** Anything may have changed up to `sequence`, once at the start as well: forget all. */
  readonly applyGap: (sequence: number) => void;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  readonly now: () => number;
}

const POLL_MS_MAX = 2000;
const CATCH_UP_ROWS_MAX = 1000;
const CATCH_UP_MS_MAX = 10 * 60_000;
const UNLISTEN_MS_MAX = 500;

export function startRevocationFeed(values: FeedValues, deps: FeedDeps): RevocationFeed {
  let last: number | null = null;
  let currentAsOfMs = -Infinity;
  let polling: Promise<void> | null = null;
  let isAskedAgain = false;
  let isFailing = false;
  let isClosed = false;

  /** One at a time. Whoever asks during a poll gets one more after it: that poll may have looked too early. */
  function poll(): Promise<void> {
    isAskedAgain = true;
    polling ??= pollWhileAsked().finally(() => (polling = null));
    return polling;
  }

  async function pollWhileAsked(): Promise<void> {
    while (isAskedAgain && !isClosed) {
      isAskedAgain = false;
      const startedAtMs = deps.now();
      try {
        const page = await awaitWithin(POLL_MS_MAX, selectLog(deps.sql, last));
        if (isClosed) return;
        applyPage(page, startedAtMs);
        currentAsOfMs = startedAtMs;
        if (isFailing) deps.log('info', { sequence: last }, 'the revocation log is read again');
        isFailing = false;
      } catch (error) {
        if (!isFailing && !isClosed) {
          deps.log('warn', { cause: nameCause(error) }, 'the revocation log cannot be read');
        }
        isFailing = true;
      }
    }
  }

  function applyPage(page: LogPage, startedAtMs: number): void {
    const cause = findGap(page, last, startedAtMs - currentAsOfMs);
    if (cause !== null) {
      if (last !== null)
        deps.log('warn', { cause, last, sequence: page.highest }, 'all grants are forgotten');
      last = page.highest ?? 0;
      deps.applyGap(last);
      return;
    }
    for (const row of page.rows) {
      deps.apply(row, row.seq);
      last = row.seq;
    }
  }

  // The library listens again by itself after every reconnect, even when the first attempt fails.
  const listening = deps.sql.listen(REVOCATION_CHANNEL, notice, notice);
  listening.catch((error: unknown) => deps.log('warn', { cause: nameCause(error) }, 'no notifications yet'));

  function notice(): void {
    if (!isClosed) void poll();
  }

  const timer = setInterval(() => {
    if (polling === null) void poll();
  }, values.pollMs);
  timer.unref();
  return {
    currentAsOfMs: () => currentAsOfMs,
    lastSequence: () => last,
    poll,
    async close() {
      isClosed = true;
      clearInterval(timer);
      const silent = listening.then((listener) => listener.unlisten());
      await awaitWithin(UNLISTEN_MS_MAX, silent).catch(() => undefined);
      await polling;
    },
  };
}

interface LogRow extends Revocation {
  readonly seq: number;
}

interface LogPage {
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly rows: readonly LogRow[];
}

/** The log's bounds and what is new in it, of one moment. */
async function selectLog(sql: Sql, last: number | null): Promise<LogPage> {
  const rows = await sql<(Pick<LogPage, 'lowest' | 'highest'> & (LogRow | { readonly seq: null }))[]>`
    SELECT bounds.lowest::float8, bounds.highest::float8, news.seq::float8, news.kind, news.subject, news.version::float8
    FROM (SELECT min(seq) AS lowest, max(seq) AS highest FROM revocation_log) AS bounds
    LEFT JOIN (
      SELECT * FROM revocation_log WHERE seq > ${last}::bigint ORDER BY seq LIMIT ${CATCH_UP_ROWS_MAX + 1}::int
    ) AS news ON true
    ORDER BY news.seq`;
  return {
    lowest: rows[0]?.lowest ?? null,
    highest: rows[0]?.highest ?? null,
    rows: rows.filter((row) => row.seq !== null),
  };
}

/** Why catching up row by row would not be sure or not be worth it; null: it is. */
function findGap(page: LogPage, last: number | null, behindMs: number): string | null {
  if (last === null) return 'start';
  if (behindMs > CATCH_UP_MS_MAX) return 'cut off for too long';
  if (page.highest !== null && page.highest < last) return 'the log is shorter than it was';
  if (page.rows.length > CATCH_UP_ROWS_MAX) return 'too many changes';
  if (page.rows.length > 0 && page.lowest !== null && page.lowest > last + 1) return 'the log was pruned';
  return null;
}
