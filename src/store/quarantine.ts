/** Rows that Postgres refuses for their content, kept with the reason; the records around them are stored. */
import type { Sql } from './connect.ts';

export interface QuarantinedRow {
  readonly id: string;
  readonly table: string;
  readonly siteId: string;
  readonly clientId: string;
  readonly sqlstate: string;
  readonly reason: string;
  /** The journal entry as it was accepted. */
  readonly entry: Buffer;
}

/** A row quarantined twice (a crash between the two) is one row: its id is derived from the entry. */
export async function insertQuarantined(sql: Sql, row: QuarantinedRow): Promise<void> {
  await sql`
    INSERT INTO quarantine (id, table_name, site_id, client_id, sqlstate, reason, entry)
    VALUES (${row.id}, ${row.table}, ${row.siteId}, ${row.clientId}, ${row.sqlstate}, ${row.reason}, ${row.entry})
    ON CONFLICT (id) DO NOTHING`;
}
