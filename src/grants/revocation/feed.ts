/**
 * The feed of what no longer holds: reads the revocation log on every notification, on every reconnect, and every
 * `pollMs` whatever happens; and takes the same news from a push, which may come earlier, late, twice or never. A
 * push may be lost; the log cannot be.
 *
 * `currentAsOfMs` is when the log was last known to be read to its end: what was cached and not contradicted was true
 * then. It bounds how long anything is believed. The log may be pruned, but not of its last hour: a gateway that was
 * cut off for longer than 10 minutes forgets all that it cached instead of catching up.
 *
 * When Postgres is down: polls go on, and `currentAsOfMs` stands still, unless a push says what the log holds.
 */
import type { Sql } from '../../store/connect.ts';
import { nameCause } from '../database.ts';
import { awaitWithin } from '../lookup/gate.ts';
import { REVOCATION_CHANNEL, type LoggedRevocation, type News } from './publish.ts';

export interface RevocationFeed {
  /** Monotonic time, in ms; -Infinity: never yet. */
  currentAsOfMs(): number;
  /** All up to here was applied. Null: the log could not be read yet. */
  lastSequence(): number | null;
  /** Reads the log now. Ends after 2 s at the latest, whether that worked or not. */
  poll(): Promise<void>;
  /** News from elsewhere. `asOfMs`: they were all there was, when a question sent at that time was answered. */
  take(news: News, asOfMs: number | null): void;
  /** The log after `sequence`, read now. Null: it cannot be told without a gap. */
  readAfter(sequence: number): Promise<News | null>;
  stats(): { readonly lagLastMs: number; readonly lagMaxMs: number; readonly isRead: boolean };
  close(): Promise<void>;
}

export interface FeedValues {
  readonly pollMs: number;
}

export interface FeedDeps {
  readonly sql: Sql;
  /** Idempotent: the same revocation may come by several ways. */
  readonly apply: (revocation: LoggedRevocation) => void;
  /** Called whenever `lastSequence` has moved. */
  readonly onAdvance?: () => void;
  /** Anything may have changed up to `sequence`, once at the start as well: forget all. */
  readonly applyGap: (sequence: number) => void;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  readonly now: () => number;
  readonly wallNow: () => number;
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
  let lagLastMs = 0;
  let lagMaxMs = 0;

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
      const after = last;
      try {
        const page = await awaitWithin(POLL_MS_MAX, selectLog(deps.sql, after));
        if (isClosed) return;
        takePage(page, after, startedAtMs);
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

  /** `after` is where the page begins; a push may have moved `last` since. */
  function takePage(page: LogPage, after: number | null, startedAtMs: number): void {
    const cause = findGap(page, after, startedAtMs - currentAsOfMs);
    if (cause === null) {
      takeRows(page.rows);
    } else {
      if (after !== null)
        deps.log('warn', { cause, after, sequence: page.highest }, 'all grants are forgotten');
      last = page.highest ?? 0;
      deps.applyGap(last);
      deps.onAdvance?.();
    }
    currentAsOfMs = Math.max(currentAsOfMs, startedAtMs);
  }

  /** Rows in order, without a gap after `last`. */
  function takeRows(rows: readonly LoggedRevocation[]): void {
    for (const row of rows) {
      if (last !== null && row.sequence <= last) continue;
      deps.apply(row);
      last = row.sequence;
      lagLastMs = Math.max(0, deps.wallNow() - row.loggedAtMs);
      lagMaxMs = Math.max(lagMaxMs, lagLastMs);
    }
    if (rows.length > 0) deps.onAdvance?.();
  }

  function take(news: News, asOfMs: number | null): void {
    if (isClosed || last === null) return;
    if (news.from > last) {
      // Something before it is missing: what it says holds all the same, but it does not move `last`.
      for (const revocation of news.revocations) deps.apply(revocation);
      void poll();
      return;
    }
    takeRows(news.revocations);
    if (asOfMs !== null) currentAsOfMs = Math.max(currentAsOfMs, asOfMs);
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
    take,
    async readAfter(sequence) {
      const page = await awaitWithin(POLL_MS_MAX, selectLog(deps.sql, sequence));
      if (findGap(page, sequence, 0) !== null) return null;
      return { from: sequence, to: page.rows.at(-1)?.sequence ?? sequence, revocations: page.rows };
    },
    stats: () => ({ lagLastMs, lagMaxMs, isRead: last !== null && !isFailing }),
    async close() {
      isClosed = true;
      clearInterval(timer);
      const silent = listening.then((listener) => listener.unlisten());
      await awaitWithin(UNLISTEN_MS_MAX, silent).catch(() => undefined);
      await polling;
    },
  };
}

interface LogPage {
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly rows: readonly LoggedRevocation[];
}

/** The log's bounds and what is new in it, of one moment. */
async function selectLog(sql: Sql, after: number | null): Promise<LogPage> {
  const rows = await sql<
    (Pick<LogPage, 'lowest' | 'highest'> & (LoggedRevocation | { readonly sequence: null }))[]
  >`
    SELECT bounds.lowest::float8, bounds.highest::float8, news.seq::float8 AS sequence, news.kind, news.subject,
           news.version::float8, (extract(epoch FROM news.created_at) * 1000)::float8 AS "loggedAtMs"
    FROM (SELECT min(seq) AS lowest, max(seq) AS highest FROM revocation_log) AS bounds
    LEFT JOIN (
      SELECT * FROM revocation_log WHERE seq > ${after}::bigint ORDER BY seq LIMIT ${CATCH_UP_ROWS_MAX + 1}::int
    ) AS news ON true
    ORDER BY news.seq`;
  return {
    lowest: rows[0]?.lowest ?? null,
    highest: rows[0]?.highest ?? null,
    rows: rows.filter((row) => row.sequence !== null),
  };
}

/** Why catching up row by row would not be sure or not be worth it; null: it is. */
function findGap(page: LogPage, after: number | null, behindMs: number): string | null {
  if (after === null) return 'start';
  if (behindMs > CATCH_UP_MS_MAX) return 'cut off for too long';
  if (page.highest !== null && page.highest < after) return 'the log is shorter than it was';
  if (page.rows.length > CATCH_UP_ROWS_MAX) return 'too many changes';
  if (page.rows.length > 0 && page.lowest !== null && page.lowest > after + 1) return 'the log was pruned';
  return null;
}
