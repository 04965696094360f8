/**
 * One step of throwing away: a partition that is older than what is kept, or some rows of a plain table. Each step is a
 * transaction of its own, under an advisory lock that is not waited for: of many gateways one at a time takes a step.
 *
 * Writers never wait long: no step waits more than LOCK_MS for a lock, and then gives up. DROP TABLE locks the whole
 * table, so while it waits for a reader all COPYs wait behind it, for LOCK_MS; once it has the lock it is done within
 * milliseconds, and files are deleted after the locks are released. DETACH … CONCURRENTLY would wait without holding
 * up anybody, but between its two transactions a late row of that month has no place, and none can be made for it.
 */
import { readSqlstate, type Sql, type Transaction } from '../connect.ts';
import { isExpired, listPartitions } from './partition.ts';

/** Rows of a plain table that are older than `keptMs` by `column`. */
export interface RowRule {
  readonly table: string;
  readonly column: string;
  readonly keptMs: number;
  /** A condition that a row must meet besides, as SQL. */
  readonly only?: string;
}

/** Of a partitioned table. */
export interface MonthRule {
  readonly table: string;
  /** Null: for ever. */
  readonly keptMs: number | null;
}

/** elsewhere: another gateway is taking a step. busy: somebody holds a lock for too long. */
export type Step<T> = T | 'nothing' | 'elsewhere' | 'busy';

const LOCK_MS = 100;
const ROWS_MAX = 5000;
/** 'keep' as a 32-bit number. */
const KEEP_LOCK = 0x6b656570;
const LOCK_NOT_AVAILABLE = '55P03';

/** Drops the oldest partition that has expired, and returns its name. */
export async function dropPartition(
  sql: Sql,
  table: string,
  keptMs: number,
): Promise<Step<{ name: string }>> {
  return takeStep(sql, async (tx) => {
    const due = (await listPartitions(tx, table)).find((partition) => isExpired(partition, keptMs));
    if (due === undefined) return 'nothing';
    await tx.unsafe(`DROP TABLE ${due.name}`);
    return { name: due.name };
  });
}

/** Deletes at most ROWS_MAX rows. */
export async function deleteRows(sql: Sql, rule: RowRule): Promise<Step<{ rows: number }>> {
  const { table, column, keptMs, only = 'true' } = rule;
  return takeStep(sql, async (tx) => {
    const isOld = `${column} < now() - $1::float8 * interval '1 millisecond' AND ${only}`;
    // Asked twice: a row may change between being found and being deleted.
    const deleted = await tx.unsafe(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM ${table} WHERE ${isOld} LIMIT ${ROWS_MAX}
       )) AND ${isOld}`,
      [keptMs],
    );
    return deleted.count === 0 ? 'nothing' : { rows: deleted.count };
  });
}

async function takeStep<T>(sql: Sql, work: (tx: Transaction) => Promise<Step<T>>): Promise<Step<T>> {
  let step: Step<T> = 'elsewhere';
  try {
    await sql.begin(async (tx) => {
      const [turn] = await tx<{ mine: boolean }[]>`SELECT pg_try_advisory_xact_lock(${KEEP_LOCK}) AS mine`;
      if (turn?.mine !== true) return;
      await tx.unsafe(`SET LOCAL lock_timeout = ${LOCK_MS}`);
      step = await work(tx);
    });
    return step;
  } catch (error) {
    if (readSqlstate(error) === LOCK_NOT_AVAILABLE) return 'busy';
    throw error;
  }
}
