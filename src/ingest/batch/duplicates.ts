/**
 * How many rows of a batch were there before it: looked up after the batch is committed, by the rows' identity. A row
 * that this batch made has this batch's time of acceptance; one that was there has another.
 */
import type { Sql } from '../../store/connect.ts';

export interface RowIdentity {
  readonly table: 'hits' | 'events' | 'ai_fetches' | 'unread_lines';
  readonly siteId: string;
  readonly timestampUs: number;
  readonly id: string;
}

/** Null when Postgres does not answer: the batch is safe all the same. */
export type CountEarlier = (rows: readonly RowIdentity[], receivedAtMs: number) => Promise<number | null>;

export function createEarlierCounter(sql: Sql): CountEarlier {
  return async (rows, receivedAtMs) => {
    let count = 0;
    try {
      for (const [table, identities] of Map.groupBy(rows, (row) => row.table)) {
        const [found] = await sql<{ count: number }[]>`
          SELECT count(*)::int AS count
          FROM unnest(
            ${identities.map((row) => row.siteId)}::uuid[],
            ${identities.map((row) => row.timestampUs)}::bigint[],
            ${identities.map((row) => row.id)}::uuid[]
          ) AS batch (site_id, timestamp_us, id)
          JOIN ${sql(table)} AS kept ON kept.site_id = batch.site_id AND kept.id = batch.id
            AND kept.timestamp = 'epoch'::timestamptz + batch.timestamp_us * interval '1 microsecond'
          WHERE kept.received_at <> 'epoch'::timestamptz + ${receivedAtMs}::bigint * interval '1 millisecond'`;
        count += found?.count ?? 0;
      }
      return count;
    } catch {
      return null;
    }
  };
}
