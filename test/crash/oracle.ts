/** Compares what was promised with what Postgres has. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../../src/store/connect.ts';
import type { Senders } from './senders.ts';

export interface Balance {
  readonly promised: number;
  readonly stored: number;
  /** Answered with 202, and not in Postgres. */
  readonly missing: number;
  /** In Postgres more than once. */
  readonly twice: number;
  /** In Postgres, and never sent. */
  readonly invented: number;
}

async function balance(sql: Sql, senders: Senders): Promise<Balance> {
  const result = { promised: 0, stored: 0, missing: 0, twice: 0, invented: 0 };
  for (const table of ['hits', 'events', 'ai_fetches'] as const) {
    const rows = await sql<{ id: string; times: number }[]>`
      SELECT id, count(*)::int AS times FROM ${sql(table)} GROUP BY id`;
    const stored = new Set(rows.map((row) => row.id));
    result.promised += senders.promised[table].size;
    result.stored += rows.length;
    result.twice += rows.filter((row) => row.times > 1).length;
    result.invented += rows.filter((row) => !senders.sent.has(row.id)).length;
    for (const id of senders.promised[table]) if (!stored.has(id)) result.missing++;
  }
  return result;
}

/** Waits until the tables stop growing: the journal is drained. */
export async function waitUntilDrained(sql: Sql, senders: Senders, timeoutMs = 30_000): Promise<Balance> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const now = await balance(sql, senders);
    if (now.missing === 0 || performance.now() > deadline) return now;
    await sleep(100);
  }
}
