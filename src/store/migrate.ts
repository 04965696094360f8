/**
 * Brings the schema to this release's version: numbered SQL files, forward only, all that are missing in one
 * transaction under an advisory lock, so that any number of gateways may start at once.
 *
 * Gateways may be writing meanwhile, and are not held up for long: what must be locked is waited for during LOCK_MS, and
 * then everything is rolled back and tried again a little later, for ATTEMPTS_MAX times.
 *
 * Refuses, with a sentence saying what to do, when the database was migrated by a newer release, or when a file
 * that has been applied reads differently now.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSqlstate, type Sql, type Transaction } from './connect.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
}

/** 'sluice' as a 32-bit number: the lock that migrations hold. */
const MIGRATION_LOCK = 0x736c7563;

const LOCK_MS = 500;
const PAUSE_MS = 500;
const ATTEMPTS_MAX = 60;
const LOCK_NOT_AVAILABLE = '55P03';

/** Applies what is missing and returns it, oldest first. Throws when the database does not fit this release. */
export async function migrate(sql: Sql, to = Infinity): Promise<readonly AppliedMigration[]> {
  const migrations = (await readMigrations()).filter(({ number }) => number <= to);
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyMissing(sql, migrations);
    } catch (error) {
      if (readSqlstate(error) !== LOCK_NOT_AVAILABLE) throw error;
      if (attempt === ATTEMPTS_MAX)
        throw new Error(
          'Some transaction has had a table in use for a minute that a migration must change: ' +
            'end it (pg_stat_activity shows it), or try again later.',
          { cause: error },
        );
      await sleep(PAUSE_MS);
    }
  }
}

async function applyMissing(
  sql: Sql,
  migrations: readonly Migration[],
): Promise<readonly AppliedMigration[]> {
  return sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`;
    await tx.unsafe(`SET LOCAL lock_timeout = ${LOCK_MS}`);
    await tx`
      CREATE TABLE IF NOT EXISTS sluice_migrations (
        number integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`;
    const applied = await tx<{ number: number; name: string; checksum: string }[]>`
      SELECT number, name, checksum FROM sluice_migrations ORDER BY number`;
    const missing = planMigrations(migrations, applied);
    for (const { number, name, checksum, sql: text } of missing) {
      await tx.unsafe(text);
      await tx`INSERT INTO sluice_migrations ${tx({ number, name, checksum })}`;
    }
    return missing.map(({ number, name }) => ({ number, name }));
  });
}

/** The number of the newest migration that the database has; 0 when it has none. */
export async function readSchemaVersion(sql: Sql | Transaction): Promise<number> {
  const [found] = await sql<{ present: boolean }[]>`
    SELECT to_regclass('sluice_migrations') IS NOT NULL AS present`;
  if (found?.present !== true) return 0;
  const [row] = await sql<{ version: number }[]>`
    SELECT coalesce(max(number), 0)::int AS version FROM sluice_migrations`;
  return row?.version ?? 0;
}

/** The number of the newest migration in this release. */
export async function latestSchemaVersion(): Promise<number> {
  const migrations = await readMigrations();
  return migrations.at(-1)?.number ?? 0;
}

/** Migrates, or, where that may not be, throws a sentence when the schema is another release's. */
export async function prepareSchema(
  sql: Sql,
  mayMigrate: boolean,
  log: (level: 'info', fields: object, message: string) => void,
): Promise<void> {
  if (mayMigrate) {
    const applied = await migrate(sql);
    if (applied.length > 0) log('info', { applied }, 'the schema is up to date now');
    return;
  }
  const version = await readSchemaVersion(sql);
  const wanted = await latestSchemaVersion();
  if (version === wanted) return;
  throw new Error(
    `The schema is at version ${version}, this release needs ${wanted}: run 'sluice migrate' first.`,
  );
}

/** Which migrations are missing. Pure; throws an Error with advice when the two lists contradict each other. */
export function planMigrations(
  migrations: readonly Migration[],
  applied: readonly { readonly number: number; readonly name: string; readonly checksum: string }[],
): readonly Migration[] {
  for (const row of applied) {
    const own = migrations.find((migration) => migration.number === row.number);
    if (own === undefined) {
      throw new Error(
        `The database has migration ${row.number} (${row.name}), which this release does not know: ` +
          'it was migrated by a newer Sluice. Run that release, or restore a backup from before.',
      );
    }
    if (own.checksum !== row.checksum) {
      throw new Error(
        `Migration ${row.number} (${row.name}) reads differently from what was applied to the database. ` +
          'Migrations are never edited once released: reinstall Sluice from an intact copy.',
      );
    }
  }
  const done = new Set(applied.map((row) => row.number));
  return migrations.filter((migration) => !done.has(migration.number));
}

/** The release's migrations in order. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const folder = join(import.meta.dirname, 'migrations');
  const files = (await readdir(folder)).filter((file) => /^\d{4}-[a-z0-9-]+\.sql$/.test(file)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const sql = await readFile(join(folder, file), 'utf8');
      return {
        number: Number(file.slice(0, 4)),
        name: file.slice(5, -4),
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      };
    }),
  );
}
