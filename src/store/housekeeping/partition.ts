/** The partitions of a table, as Postgres knows them: how long ago each ended, and how large it is. Reads only. */
import type { Sql, Transaction } from '../connect.ts';

export interface Partition {
  /** As SQL names it, quoted where it must be. */
  readonly name: string;
  /** How long ago, by Postgres' clock, its last moment was; negative: it is not over. Null: it has no end. */
  readonly endedMs: number | null;
  /** Holds what has no partition of its own. Sluice makes none: somebody else did. */
  readonly isDefault: boolean;
  readonly bytes: number;
}

/** Oldest first. */
export async function listPartitions(sql: Sql | Transaction, table: string): Promise<readonly Partition[]> {
  return sql<Partition[]>`
    SELECT name, is_default AS "isDefault", bytes, extract(epoch FROM now() - ends)::float8 * 1000 AS "endedMs"
    FROM (
      SELECT c.oid::regclass::text AS name, pg_total_relation_size(c.oid)::float8 AS bytes,
             pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AS is_default,
             substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO [(]''([^'']+)''[)]')::timestamptz AS ends
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = to_regclass(${table})
    ) AS found
    ORDER BY ends NULLS LAST`;
}

/** Whether every moment of it is older than what is kept. */
export function isExpired(partition: Partition, keptMs: number): boolean {
  return partition.endedMs !== null && partition.endedMs >= keptMs;
}
