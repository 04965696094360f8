/** The schema is brought forward while gateways of earlier releases are at work: nothing is lost, nobody waits for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { frameRows, sortByTable } from '../../src/drain/batch.ts';
import { tables } from '../../src/records/entry.ts';
import { migrate, readMigrations, readSchemaVersion, type Migration } from '../../src/store/migrate.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { createDatabase, holdOpen, openTestPool, type TestDatabase } from '../setup/database.ts';
import { makeFetch, makeHit } from '../setup/rows.ts';

/** The first with tables for records. */
const FIRST = 2;
/** Places in the list of forms that a row may have. */
const FETCHES_BEFORE_VERIFIED = 2;
const BATCH = 50;

const migrations = await readMigrations();
const later = migrations.filter(({ number }) => number > FIRST);
let database: TestDatabase;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function openAt(version: number): Promise<void> {
  database = await createDatabase(version);
  closing.push(() => database.close());
}

function openStore(): Store {
  const store = createStore(
    { writeTimeoutMs: 10_000 },
    { sql: database.sql, openWriter: () => openTestPool(database.url, 1) },
  );
  closing.unshift(() => store.close());
  return store;
}

/** As a release encoded it that did not know `verified`, which is the last column and null. */
function makeEarlierFetch(): Buffer {
  const entry = makeFetch();
  const earlier = Buffer.from(entry.subarray(0, entry.length - 4));
  earlier.writeUInt32LE(entry.readUInt32LE(0) - 4, 0);
  earlier.writeUInt32LE(FETCHES_BEFORE_VERIFIED, 4);
  earlier.writeInt16BE(tables[FETCHES_BEFORE_VERIFIED]?.columns.length ?? 0, 8);
  return earlier;
}

/** Writes as a drain does, the same rows until they are stored, from now on until the function returned is called. */
function writeOn(): { written: () => number; stop: () => Promise<number> } {
  const store = openStore();
  let written = 0;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      const entries = Array.from({ length: BATCH }, () => [makeHit(), makeEarlierFetch()]).flat();
      for (const batch of sortByTable(Buffer.concat(entries))) {
        const rows = frameRows(batch, 0, batch.rowCount);
        let outcome = await store.write(rows);
        while (outcome.kind === 'unavailable') outcome = await store.write(rows);
        if (outcome.kind === 'refused') throw new Error(`${rows.table}: ${outcome.reason}`);
        written += rows.rowCount;
      }
    }
  })();
  return {
    written: () => written,
    async stop() {
      isOver = true;
      await writing;
      return written;
    },
  };
}

async function untilMore(written: () => number): Promise<void> {
  const before = written();
  while (written() < before + 10 * BATCH) await sleep(5);
}

async function countRows(): Promise<number> {
  const [row] = await database.sql<{ rows: number }[]>`
    SELECT ((SELECT count(*) FROM hits) + (SELECT count(*) FROM ai_fetches))::int AS rows`;
  return row?.rows ?? -1;
}

describe('an upgrade', () => {
  it('loses no row of an earlier release that goes on writing', async () => {
    await openAt(FIRST);
    const writer = writeOn();
    await untilMore(writer.written);
    expect(await migrate(database.sql)).toHaveLength(later.length);
    await untilMore(writer.written);
    const written = await writer.stop();
    expect(await countRows()).toBe(written);
  });

  it('lets writers through again and again while a long query has the tables', async () => {
    await openAt(FIRST);
    const writer = writeOn();
    await untilMore(writer.written);
    const release = await holdOpen(database.sql, 'SELECT count(*) FROM ai_fetches');
    const migrating = migrate(database.sql);
    for (let turn = 0; turn < 3; turn++) await untilMore(writer.written);
    expect(await readSchemaVersion(database.sql)).toBe(FIRST);
    await release();
    await migrating;
    await untilMore(writer.written);
    const written = await writer.stop();
    expect(await countRows()).toBe(written);
  });
});

/** The files on disk of all tables and indexes. */
async function listFiles(): Promise<ReadonlyMap<string, number>> {
  const rows = await database.sql<{ name: string; file: number }[]>`
    SELECT oid::regclass::text AS name, pg_relation_filenode(oid)::int AS file FROM pg_class
    WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace`;
  return new Map(rows.map(({ name, file }) => [name, file]));
}

/** Tables that were there before, and which the migration keeps others from writing until it is committed. */
async function listLocked(migration: Migration): Promise<readonly string[]> {
  const locked: string[] = [];
  await database.sql.begin(async (tx) => {
    const before = await tx<{ name: string }[]>`
      SELECT oid::regclass::text AS name FROM pg_class
      WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`;
    await tx.unsafe(migration.sql);
    const locks = await tx<{ name: string }[]>`
      SELECT DISTINCT relation::regclass::text AS name FROM pg_locks
      WHERE pid = pg_backend_pid() AND mode IN
        ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock') ORDER BY name`;
    locked.push(
      ...locks.map(({ name }) => name).filter((name) => before.some((table) => table.name === name)),
    );
  });
  return locked;
}

/** Each for milliseconds, since nothing is rewritten. What is not here must not be locked. */
const LOCKED: Readonly<Record<string, readonly string[]>> = {
  // Foreign keys to users and tenants; new columns of api_clients.
  administration: ['api_clients', 'tenants', 'users'],
  // A new column, and the same of each month.
  'verified-crawlers': ['ai_fetches', expect.stringMatching(/^ai_fetches_\d{4}_\d\d$/) as string],
  'client-limits': ['api_clients'],
};

describe.each(later)('migration $number, $name', (migration) => {
  it('rewrites no table, and locks none but those that it says', async () => {
    await openAt(migration.number - 1);
    const store = openStore();
    for (const batch of sortByTable(Buffer.concat([makeHit(), makeEarlierFetch()])))
      expect(await store.write(frameRows(batch, 0, 1))).toMatchObject({ kind: 'stored' });
    const before = await listFiles();
    expect(await listLocked(migration)).toEqual(LOCKED[migration.name] ?? []);
    const after = await listFiles();
    expect([...before].filter(([name, file]) => after.get(name) !== file)).toEqual([]);
  });

  it('takes away nothing that an earlier release uses', () => {
    const harms = /\b(DROP (TABLE|COLUMN)|RENAME|SET NOT NULL|SET DATA TYPE|ALTER COLUMN \w+ TYPE)\b/gi;
    const found = [...migration.sql.replaceAll(/--.*$/gm, '').matchAll(harms)].map(([text]) => text);
    // Last use was kept there before there was a release.
    expect(found).toEqual(migration.name === 'administration' ? ['DROP COLUMN'] : []);
  });
});
