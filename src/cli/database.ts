/** The database a command works on: DATABASE_URL, or the embedded one, joined if it runs and started if not. */
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { connectPostgres, type ConnectValues, type Sql } from '../store/connect.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../store/embedded.ts';

export interface Database {
  readonly url: string;
  /** Null when the database is the user's own. */
  readonly embedded: EmbeddedPostgres | null;
}

export async function findDatabase(config: Config): Promise<Database> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl, embedded: null };
  const embedded = await startEmbeddedPostgres({ directory: join(config.dataDirectory, 'database') });
  return { url: embedded.url, embedded };
}

/** Work on a connection of its own, which is closed behind it. */
export async function withConnection<T>(
  values: Omit<ConnectValues, 'connectionsMax'>,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = connectPostgres({ ...values, connectionsMax: 1 });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * Runs one command's work, and leaves nothing behind: an embedded server that was not running is stopped again.
 * `open` makes another connection; who opens it ends it.
 */
export async function withDatabase<T>(
  config: Config,
  work: (sql: Sql, open: () => Sql) => Promise<T>,
): Promise<T> {
  const database = await findDatabase(config);
  const open = (): Sql =>
    connectPostgres({
      url: database.url,
      applicationName: 'sluice-cli',
      connectionsMax: 1,
      statementTimeoutMs: 60_000,
      lockTimeoutMs: 0,
    });
  const sql = open();
  try {
    return await work(sql, open);
  } finally {
    await sql.end({ timeout: 1 });
    if (database.embedded?.joined === false) await database.embedded.close();
  }
}
