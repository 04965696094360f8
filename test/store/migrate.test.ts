import { describe, expect, inject, it } from 'vitest';
import {
  latestSchemaVersion,
  migrate,
  planMigrations,
  readMigrations,
  readSchemaVersion,
} from '../../src/store/migrate.ts';
import { createDatabase, openTestPool } from '../setup/database.ts';

describe('migrations', () => {
  it('are applied once, whoever starts, and however many start at once', async () => {
    const server = openTestPool(inject('postgresUrl'));
    await server.unsafe('CREATE DATABASE migrate_together');
    const pools = [1, 2, 3].map(() =>
      openTestPool(inject('postgresUrl').replace(/[^/]*$/, 'migrate_together')),
    );
    const applied = await Promise.all(pools.map((sql) => migrate(sql)));
    expect(applied.flat().map((migration) => migration.number)).toEqual(
      (await readMigrations()).map((migration) => migration.number),
    );
    await Promise.all(pools.map((sql) => sql.end()));
    await server.unsafe('DROP DATABASE migrate_together');
    await server.end();
  });

  it('leave the database at the version of this release', async () => {
    const database = await createDatabase();
    expect(await readSchemaVersion(database.sql)).toBe(await latestSchemaVersion());
    expect(await migrate(database.sql)).toEqual([]);
    await database.close();
  });

  it('refuse a database that a newer release has migrated', () => {
    expect(() => planMigrations([], [{ number: 9, name: 'later', checksum: 'x' }])).toThrow(/newer Sluice/);
  });

  it('refuse a file that was edited after it had been applied', async () => {
    const [first] = await readMigrations();
    if (first === undefined) throw new Error('there are migrations');
    expect(() => planMigrations([first], [{ ...first, checksum: 'another' }])).toThrow(/reads differently/);
  });

  it('leave nothing half applied when a statement fails', async () => {
    const database = await createDatabase();
    await database.sql`DROP TABLE sluice_migrations`;
    await expect(migrate(database.sql)).rejects.toThrow(/already exists/);
    expect(await readSchemaVersion(database.sql)).toBe(0);
    await database.close();
  });
});
