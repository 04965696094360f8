/** What a client's requests came to, in the last 24 hours by hour. Counted by every gateway, written every 10 s. */
import type { Sql } from '../../store/connect.ts';

export interface HourOfUse {
  /** Its beginning. */
  readonly hour: string;
  readonly accepted: number;
  readonly rejected: number;
  /** Of the accepted ones: rows that were there already. */
  readonly duplicate: number;
}

export interface Usage {
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicate: number;
  /** 24 of them, oldest first; the last one is not over. */
  readonly hours: readonly HourOfUse[];
}

export async function readUsage(sql: Sql, clientId: string): Promise<Usage> {
  const rows = await sql<(Omit<HourOfUse, 'hour'> & { hour: Date })[]>`
    SELECT h.hour, coalesce(u.accepted, 0)::float8 AS accepted, coalesce(u.rejected, 0)::float8 AS rejected,
           coalesce(u.duplicate, 0)::float8 AS duplicate
    FROM generate_series(date_trunc('hour', now()) - interval '23 hours', date_trunc('hour', now()), '1 hour') AS h (hour)
    LEFT JOIN api_client_hours u ON u.api_client_id = ${clientId} AND u.hour = h.hour
    ORDER BY h.hour`;
  const hours = rows.map((row) => ({ ...row, hour: row.hour.toISOString() }));
  const sum = (name: 'accepted' | 'rejected' | 'duplicate'): number =>
    hours.reduce((total, hour) => total + hour[name], 0);
  return { accepted: sum('accepted'), rejected: sum('rejected'), duplicate: sum('duplicate'), hours };
}
