/**
 * Monthly partitions, made when a row first needs them. A partition is made beside the table and then attached:
 * attaching does not wait for other gateways' COPY, as CREATE … PARTITION OF would. An advisory lock lets one
 * gateway at a time look and make; which partitions exist is remembered, and forgotten when Postgres disagrees.
 */
import type { Sql } from './connect.ts';

/** Months since the year 0: 2026-11 is 2026 × 12 + 10. */
export type Month = number;

export function monthOf(date: Date): Month {
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

export interface Partitions {
  /** Makes what is missing. Throws what Postgres throws. */
  ensure(table: string, months: ReadonlySet<Month>): Promise<void>;
  /** Forgets what it knew of a table: somebody has dropped a partition. */
  forget(table: string): void;
  stats(): { readonly made: number };
}

/** 'part' as a 32-bit number: the lock held while partitions are made. */
const PARTITION_LOCK = 0x70617274;

export function createPartitions(sql: Sql): Partitions {
  const known = new Map<string, Set<Month>>();
  let made = 0;

  async function makePartition(table: string, month: Month): Promise<void> {
    const name = namePartition(table, month);
    await sql.begin(async (tx) => {
      await tx`SELECT pg_advisory_xact_lock(${PARTITION_LOCK})`;
      const [row] = await tx<{ attached: boolean }[]>`
        SELECT EXISTS (
          SELECT 1 FROM pg_inherits
          WHERE inhparent = to_regclass(${table}) AND inhrelid = to_regclass(${name})
        ) AS attached`;
      if (row?.attached === true) return;
      await tx.unsafe(`CREATE TABLE IF NOT EXISTS ${name} (LIKE ${table} INCLUDING ALL)`);
      await tx.unsafe(
        `ALTER TABLE ${table} ATTACH PARTITION ${name} ` +
          `FOR VALUES FROM ('${firstDay(month)}') TO ('${firstDay(month + 1)}')`,
      );
      made++;
    });
  }

  return {
    async ensure(table, months) {
      let existing = known.get(table);
      if (existing === undefined) known.set(table, (existing = new Set()));
      for (const month of months) {
        if (existing.has(month)) continue;
        await makePartition(table, month);
        existing.add(month);
      }
    },
    forget(table) {
      known.delete(table);
    },
    stats: () => ({ made }),
  };
}

/** hits, 2026-11 -> hits_2026_11 */
function namePartition(table: string, month: Month): string {
  return `${table}_${yearOf(month)}_${twoDigits((month % 12) + 1)}`;
}

function firstDay(month: Month): string {
  return `${yearOf(month)}-${twoDigits((month % 12) + 1)}-01 00:00:00+00`;
}

function yearOf(month: Month): string {
  return String(Math.floor(month / 12)).padStart(4, '0');
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
