/** Rows that Postgres refuses for their content, kept with the reason; the records around them are stored. */
import { createHash } from 'node:crypto';
import type { Sql } from './connect.ts';

export interface QuarantinedRow {
  readonly table: string;
  readonly siteId: string;
  readonly clientId: string;
  readonly sqlstate: string;
  readonly reason: string;
  /** The journal entry as it was accepted. */
  readonly entry: Buffer;
}

/** Idempotent: the id is derived from the entry, so a row put aside again after a crash is the same row. */
export async function insertQuarantined(sql: Sql, row: QuarantinedRow): Promise<void> {
  const id = createHash('sha256').update(row.entry).digest('hex').slice(0, 32);
  await sql`
    INSERT INTO quarantine (id, table_name, site_id, client_id, sqlstate, reason, entry)
    VALUES (${id}, ${row.table}, ${row.siteId}, ${row.clientId}, ${row.sqlstate}, ${row.reason}, ${row.entry})
    ON CONFLICT (id) DO NOTHING`;
}
