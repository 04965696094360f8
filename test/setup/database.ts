/** A migrated database of a test file's own on the shared test server. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { connectPostgres, type Sql } from '../../src/store/connect.ts';
import { migrate } from '../../src/store/migrate.ts';

export interface TestDatabase {
  readonly url: string;
  readonly sql: Sql;
  /** Drops the database, cutting whoever is still connected. */
  close(): Promise<void>;
}

/** `to`: the number of the last migration. */
export async function createDatabase(to?: number): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const server = openTestPool(inject('postgresUrl'));
  await server.unsafe(`CREATE DATABASE ${name}`);
  const url = inject('postgresUrl').replace(/[^/]*$/, name);
  const sql = openTestPool(url);
  await migrate(sql, to);
  return {
    url,
    sql,
    async close() {
      await sql.end({ timeout: 1 });
      await server.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end({ timeout: 1 });
    },
  };
}

/** Runs the statement in a transaction that stays open, with its locks, until the function returned is called. */
export async function holdOpen(sql: Sql, statement: string): Promise<() => Promise<void>> {
  const isHeld = Promise.withResolvers<undefined>();
  const isOver = Promise.withResolvers<undefined>();
  const transaction = sql.begin(async (tx) => {
    await tx.unsafe(statement);
    isHeld.resolve(undefined);
    await isOver.promise;
  });
  await Promise.race([isHeld.promise, transaction]);
  return async () => {
    isOver.resolve(undefined);
    await transaction;
  };
}

export function openTestPool(url: string, connectionsMax = 4): Sql {
  return connectPostgres({
    url,
    applicationName: 'sluice-test',
    connectionsMax,
    statementTimeoutMs: 30_000,
    lockTimeoutMs: 0,
  });
}
