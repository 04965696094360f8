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

interface Counts {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly rejected: number;
  readonly skipped: number;
  readonly waiting: number;
}

/** What became of everything that the client has sent, on all gateways together and on each. */
export interface ClientLedger extends Counts {
  /** received = stored + duplicate + quarantined + rejected + skipped + waiting, on every gateway. */
  readonly balanced: boolean;
  readonly nodes: readonly (Counts & {
    readonly node: string;
    readonly name: string;
    readonly as_of: string;
  })[];
}

const COUNTS = ['received', 'stored', 'duplicate', 'quarantined', 'rejected', 'skipped', 'waiting'] as const;

export async function readLedger(sql: Sql, clientId: string): Promise<ClientLedger> {
  const rows = await sql<(Counts & { node: string; name: string; written_at: Date })[]>`
    SELECT node_id AS node, node_name AS name, received::float8, stored::float8, duplicate::float8,
           quarantined::float8, rejected::float8, skipped::float8, waiting::float8, written_at
    FROM client_ledgers WHERE client_id = ${clientId} ORDER BY node_name, node_id`;
  const nodes = rows.map(({ written_at: at, ...row }) => ({ ...row, as_of: at.toISOString() }));
  const sums = Object.fromEntries(
    COUNTS.map((name) => [name, nodes.reduce((sum, node) => sum + node[name], 0)]),
  ) as unknown as Counts;
  return { ...sums, balanced: nodes.every((node) => isBalanced(node)), nodes };
}

function isBalanced(counts: Counts): boolean {
  const [received, ...rest] = COUNTS.map((name) => counts[name]);
  return received === rest.reduce((sum, count) => sum + count, 0) && counts.waiting >= 0;
}

/** Every account of every gateway, and whether it adds up. */
export async function listLedgers(
  sql: Sql,
): Promise<readonly { clientId: string; name: string; received: number; isBalanced: boolean }[]> {
  return sql`
    SELECT client_id AS "clientId", node_name AS name, received::float8 AS received,
           received = stored + duplicate + quarantined + rejected + skipped + waiting AND waiting >= 0 AS "isBalanced"
    FROM client_ledgers ORDER BY client_id, node_id`;
}
