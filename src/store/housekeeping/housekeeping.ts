/**
 * Keeps the tables in order, every `everyMs`: makes the partitions of this month and the next before a row needs them,
 * drops those that have expired, and deletes what plain tables need not keep. Any number of gateways may do it: one at
 * a time takes a step, and what one has done the others find done.
 *
 * The first time is `everyMs` after the start. When Postgres is away it is the next time; nothing waits for it. What
 * another gateway is at counts as done here: that gateway tells how it ended.
 */
import { describeError, isOutage, type Sql } from '../connect.ts';
import { createPartitions, monthOf, type Month } from '../partitions.ts';
import { listPartitions } from './partition.ts';
import { deleteRows, dropPartition, type MonthRule, type RowRule, type Step } from './retire.ts';

export interface HousekeepingValues {
  readonly everyMs: number;
  readonly months: readonly MonthRule[];
  readonly rows: readonly RowRule[];
}

export interface HousekeepingDeps {
  readonly sql: Sql;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
}

export interface Housekeeping {
  /** Does now what is due. Never throws: what went wrong is logged, and tried again the next time. */
  tidy(): Promise<void>;
  stats(): HousekeepingStats;
  /** What is under way is not waited for: it may as well be done by another gateway. */
  close(): void;
}

export interface HousekeepingStats {
  readonly partitionsMade: number;
  readonly partitionsDropped: number;
  readonly rowsDeleted: number;
  /** Tables that could not be put in order: Postgres refused, or somebody held a lock for too long. */
  readonly failures: number;
  /** By this machine's clock: when all tables were last in order. Before the first time: the start. */
  readonly lastSuccessAtMs: number;
}

/** Of rows, in one pass of one rule; the rest is deleted the next time. */
const STEPS_MAX = 1000;

export function startHousekeeping(values: HousekeepingValues, deps: HousekeepingDeps): Housekeeping {
  const { sql, log } = deps;
  const partitions = createPartitions(sql);
  let partitionsDropped = 0;
  let rowsDeleted = 0;
  let failures = 0;
  let lastSuccessAtMs = Date.now();
  let isClosed = false;
  let working: Promise<void> | null = null;

  /** Takes steps until there is none left, or it is not our turn. */
  async function repeat<T>(
    table: string,
    step: () => Promise<Step<T>>,
    note: (done: T) => void,
  ): Promise<void> {
    for (let steps = 0; steps < STEPS_MAX && !isClosed; steps++) {
      const done = await step();
      if (done === 'busy') {
        failures++;
        log('info', { table }, 'housekeeping is held up: somebody uses what it would lock');
        return;
      }
      if (done === 'nothing' || done === 'elsewhere') return;
      note(done);
    }
  }

  async function keepMonths({ table, keptMs }: MonthRule): Promise<void> {
    // Others may have dropped or made some: what was known is not trusted.
    partitions.forget(table);
    await partitions.ensure(table, findMonths());
    if (keptMs === null) return;
    await repeat(
      table,
      () => dropPartition(sql, table, keptMs),
      ({ name }) => {
        partitionsDropped++;
        log('info', { table, partition: name }, 'a partition older than what is kept was dropped');
      },
    );
    for (const { name, isDefault } of await listPartitions(sql, table))
      if (isDefault) await keepRows({ table: name, column: 'timestamp', keptMs });
  }

  function keepRows(rule: RowRule): Promise<void> {
    return repeat(
      rule.table,
      () => deleteRows(sql, rule),
      ({ rows }) => (rowsDeleted += rows),
    );
  }

  async function tidy(): Promise<void> {
    const works = [
      ...values.months.map((rule) => ({ table: rule.table, run: () => keepMonths(rule) })),
      ...values.rows.map((rule) => ({ table: rule.table, run: () => keepRows(rule) })),
    ];
    const failuresBefore = failures;
    for (const { table, run } of works) {
      try {
        await run();
      } catch (error) {
        if (isClosed) return;
        failures++;
        log('warn', { table, cause: describeError(error) }, 'housekeeping failed');
        if (isOutage(error)) return;
      }
    }
    if (failures === failuresBefore && !isClosed) lastSuccessAtMs = Date.now();
  }

  const tidyOnce = (): Promise<void> => (working ??= tidy().finally(() => (working = null)));
  const timer = setInterval(() => void tidyOnce(), values.everyMs);
  timer.unref();
  return {
    tidy: tidyOnce,
    stats: () => ({
      partitionsMade: partitions.stats().made,
      partitionsDropped,
      rowsDeleted,
      failures,
      lastSuccessAtMs,
    }),
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}

/** The present one and the next. */
function findMonths(): ReadonlySet<Month> {
  const month = monthOf(new Date());
  return new Set([month, month + 1]);
}
