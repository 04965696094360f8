/**
 * Writes rows to Postgres: COPY straight into the table, one statement and one commit; only when rows are there
 * already, COPY into a stage and INSERT … ON CONFLICT DO NOTHING from it. Sending the same rows again is always
 * harmless: the primary key is the row's identity.
 *
 * When Postgres is down, slow or frozen the outcome is 'unavailable' within `writeTimeoutMs`; the caller tries
 * again. One write at a time.
 */
import { createDurations, type DurationStats } from '../measure/durations.ts';
import { copyIn } from './copy.ts';
import { describeError, readSqlstate, type Sql } from './connect.ts';
import { classifyFault, explainFault, type WriteOutcome } from './outcome.ts';
import { createPartitions, type Month } from './partitions.ts';
import { insertQuarantined, type QuarantinedRow } from './quarantine.ts';

export interface TableRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** A whole binary COPY stream, header and trailer included. */
  readonly copyStream: Buffer;
  /** The months that the rows' timestamps fall in. */
  readonly months: ReadonlySet<Month>;
}

export interface Store {
  write(rows: TableRows): Promise<WriteOutcome>;
  /** Puts a refused row aside. Idempotent by its id. */
  quarantine(row: QuarantinedRow): Promise<WriteOutcome>;
  stats(): StoreStats;
  close(): Promise<void>;
}

export interface StoreStats {
  readonly rowsInserted: number;
  readonly rowsDuplicate: number;
  readonly copies: number;
  readonly stagedCopies: number;
  readonly partitionsMade: number;
  /** Attempts to write a batch, whatever came of them. */
  readonly writes: DurationStats;
}

export interface StoreValues {
  /** A write without an answer for so long counts as 'unavailable', and its connection is dropped. */
  readonly writeTimeoutMs: number;
}

export interface StoreDeps {
  /** For small statements. */
  readonly sql: Sql;
  /** Opens the writer's own pool of one connection: nothing else may be queued behind a COPY. */
  readonly openWriter: () => Sql;
  /** Told of a client's rows that were there already, once that is certain. */
  readonly onDuplicates?: (clientId: string, rows: number) => void;
}

export function createStore(values: StoreValues, deps: StoreDeps): Store {
  const partitions = createPartitions(deps.sql);
  const writes = createDurations();
  let writer = deps.openWriter();
  let rowsInserted = 0;
  let rowsDuplicate = 0;
  let copies = 0;
  let stagedCopies = 0;

  /** Rejects when the work, or Postgres under it, takes too long. */
  async function bounded<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer from Postgres within ${values.writeTimeoutMs} ms`));
      }, values.writeTimeoutMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /**
   * A connection is used until its first error, and the next one belongs to a pool of its own: whatever of a failed
   * statement is still on its way, to the server or back, cannot meet another.
   */
  async function onWriter<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    try {
      return await bounded(work(writer));
    } catch (error) {
      void writer.end({ timeout: 0 }).catch(() => undefined);
      writer = deps.openWriter();
      throw error;
    }
  }

  async function writeDirect(rows: TableRows): Promise<WriteOutcome> {
    copies++;
    await onWriter((sql) => copyIn(sql, copyStatement(rows.table, rows.columns), rows.copyStream));
    return { kind: 'stored', inserted: rows.rowCount, duplicates: 0 };
  }

  async function writeStaged(rows: TableRows): Promise<WriteOutcome> {
    stagedCopies++;
    const columns = rows.columns.join(', ');
    const clients = await onWriter((sql) =>
      sql.begin(async (tx) => {
        await tx.unsafe(`CREATE TEMPORARY TABLE stage (LIKE ${rows.table}) ON COMMIT DROP`);
        await copyIn(tx, copyStatement('stage', rows.columns), rows.copyStream);
        return tx.unsafe<StagedClient[]>(insertStaged(rows.table, columns));
      }),
    );
    let inserted = 0;
    for (const client of clients) {
      inserted += client.inserted;
      const there = client.staged - client.inserted;
      if (there > 0) deps.onDuplicates?.(client.client_id, there);
    }
    return { kind: 'stored', inserted, duplicates: rows.rowCount - inserted };
  }

  async function attempt(
    rows: TableRows,
    write: (rows: TableRows) => Promise<WriteOutcome>,
  ): Promise<WriteOutcome> {
    try {
      await bounded(partitions.ensure(rows.table, rows.months));
      return await write(rows);
    } catch (error) {
      const fault = classifyFault(error);
      if (fault === 'duplicate' && write === writeDirect) return attempt(rows, writeStaged);
      if (fault === 'partition_missing' || readSqlstate(error) === '42P01') partitions.forget(rows.table);
      return explainFault(error);
    }
  }

  return {
    async write(rows) {
      const startedAtMs = performance.now();
      const outcome = await attempt(rows, writeDirect);
      writes.count(performance.now() - startedAtMs);
      if (outcome.kind === 'stored') {
        rowsInserted += outcome.inserted;
        rowsDuplicate += outcome.duplicates;
      }
      return outcome;
    },
    async quarantine(row) {
      try {
        await bounded(insertQuarantined(deps.sql, row));
        return { kind: 'stored', inserted: 1, duplicates: 0 };
      } catch (error) {
        return { kind: 'unavailable', cause: describeError(error) };
      }
    },
    stats: () => ({
      rowsInserted,
      rowsDuplicate,
      copies,
      stagedCopies,
      partitionsMade: partitions.stats().made,
      writes: writes.stats(),
    }),
    close: () => writer.end({ timeout: 1 }),
  };
}

function copyStatement(table: string, columns: readonly string[]): string {
  return `COPY ${table} (${columns.join(', ')}) FROM STDIN (FORMAT binary)`;
}

interface StagedClient {
  readonly client_id: string;
  readonly staged: number;
  readonly inserted: number;
}

/** Inserts what is new, and counts by client what was staged and what of it was new. */
function insertStaged(table: string, columns: string): string {
  return `
    WITH inserted AS (
      INSERT INTO ${table} (${columns}) SELECT ${columns} FROM stage ON CONFLICT DO NOTHING RETURNING client_id
    ), counted AS (SELECT client_id, count(*) AS rows FROM inserted GROUP BY client_id)
    SELECT s.client_id, count(*)::float8 AS staged, coalesce(max(c.rows), 0)::float8 AS inserted
    FROM stage s LEFT JOIN counted c ON c.client_id = s.client_id GROUP BY s.client_id`;
}
