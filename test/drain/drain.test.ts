import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startDrain, type Drain } from '../../src/drain/drain.ts';
import { createLedger, type Ledger } from '../../src/drain/ledger.ts';
import { backoffMs } from '../../src/drain/backoff.ts';
import { openJournal, type Journal } from '../../src/journal/journal.ts';
import { connectPostgres, type Sql } from '../../src/store/connect.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { createDatabase, holdOpen, type TestDatabase } from '../setup/database.ts';
import { makeDirectory } from '../setup/gateway.ts';
import { makeFetch, makeHit } from '../setup/rows.ts';

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let journal: Journal;
let store: Store;
let drain: Drain;
let ledger: Ledger;
let log: string[];

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

const openWriter = (): Sql =>
  connectPostgres({
    url: database.url,
    applicationName: 'writer',
    connectionsMax: 1,
    statementTimeoutMs: 1000,
    connectTimeoutMs: 2000,
    lockTimeoutMs: 500,
  });

beforeEach(async () => {
  await database.sql`TRUNCATE hits, quarantine`;
  directory = await makeDirectory();
  log = [];
  journal = await openJournal(
    {
      directory: directory.path,
      segmentBytes: 1024 * 1024,
      journalBytesMax: 100 * 1024 * 1024,
      frameBytesMax: 1024 * 1024,
      pendingBytesMax: 10 * 1024 * 1024,
    },
    { log: () => undefined },
  );
  ledger = createLedger(journal.recovered.note);
  store = createStore(
    { writeTimeoutMs: 5000 },
    { sql: database.sql, openWriter, onDuplicates: ledger.noteDuplicates },
  );
  drain = startDrain(
    { batchBytesMax: 256 * 1024 },
    {
      journal,
      ledger,
      store,
      log: (_level, fields, message) => log.push(`${message} ${JSON.stringify(fields)}`),
      onFatal: (error) => {
        throw error;
      },
    },
  );
});
afterEach(async () => {
  await drain.close();
  await journal.close();
  await store.close();
  await directory.remove();
});

function append(entries: readonly Buffer[]): void {
  for (const entry of entries) expect(journal.append(entry, 0, entry.length).kind).toBe('appended');
}

async function settle(): Promise<void> {
  await journal.flush();
  expect(await drain.settle(20_000)).toBe('settled');
}

async function countHits(): Promise<number> {
  const [row] = await database.sql<{ n: number }[]>`SELECT count(*)::int AS n FROM hits`;
  return row?.n ?? -1;
}

describe('the drain', () => {
  it('stores rows of many months, and makes their partitions', async () => {
    const years = [2007, 2019, 2024, 2026];
    append(years.map((year) => makeHit({ timestamp: `${year}-02-28T23:59:59Z` })));
    await settle();
    expect(await countHits()).toBe(4);
    const partitions = await database.sql<{ name: string }[]>`
      SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'hits'::regclass`;
    expect(partitions.map((row) => row.name)).toEqual(
      expect.arrayContaining(years.map((year) => `hits_${year}_02`)),
    );
  });

  it('stores a row once that comes many times: in one batch, in another, and beside new ones', async () => {
    const row = makeHit({ id: randomUUID() });
    append([row, row]);
    await settle();
    expect(await countHits()).toBe(1);
    append([makeHit(), row, makeHit()]);
    await settle();
    expect(await countHits()).toBe(3);
    expect(store.stats()).toMatchObject({ rowsInserted: 3, rowsDuplicate: 2 });
  });

  it('puts the row that Postgres refuses into quarantine, and stores its neighbours', async () => {
    await database.sql`ALTER TABLE hits ADD CONSTRAINT no_poison CHECK (path <> '/poison')`;
    const good = Array.from({ length: 200 }, () => makeHit());
    append([...good.slice(0, 77), makeHit({ url: 'https://example.com/poison' }), ...good.slice(77)]);
    await settle();
    await database.sql`ALTER TABLE hits DROP CONSTRAINT no_poison`;
    expect(await countHits()).toBe(200);
    const rows = await database.sql`SELECT table_name, sqlstate, reason, site_id, client_id FROM quarantine`;
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      table_name: 'hits',
      sqlstate: '23514',
      reason: expect.stringContaining('no_poison'),
      site_id: '11111111-2222-4333-8444-555555555555',
      client_id: '66666666-7777-4888-9999-aaaaaaaaaaaa',
    });
    expect(drain.stats().rowsQuarantined).toBe(1);
  });

  it('waits out a lock on the table, and says so once', async () => {
    append([makeHit()]);
    await settle();
    const release = await holdOpen(database.sql, 'LOCK TABLE hits IN ACCESS EXCLUSIVE MODE');
    append([makeHit()]);
    await journal.flush();
    while (drain.stats().failures < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await journal.stored(2, 10)).toBe('late');
    await release();
    await settle();
    expect(await countHits()).toBe(2);
    expect(log.filter((line) => line.includes('does not take rows'))).toHaveLength(1);
    expect(log.some((line) => line.includes('takes rows again'))).toBe(true);
  });

  it('writes rows of a form that releases before this one wrote, beside those of today', async () => {
    const now = makeFetch();
    // Before there was `verified`, the last field: here null, four bytes.
    const former = Buffer.from(makeFetch().subarray(0, -4));
    former.writeUInt32LE(former.length - 8, 0);
    former.writeUInt8(2, 4);
    former.writeInt16BE(19, 8);
    append([now, former]);
    await settle();
    const [row] = await database.sql`SELECT count(*)::int AS count FROM ai_fetches WHERE path = '/fetched'`;
    expect(row).toEqual({ count: 2 });
  });

  it('goes on when its connection is cut again and again', async () => {
    for (let round = 0; round < 10; round++) {
      append(Array.from({ length: 50 }, () => makeHit()));
      await database.sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'writer' AND datname = current_database()`;
    }
    await settle();
    expect(await countHits()).toBe(500);
  });

  it('makes a partition anew that somebody has dropped', async () => {
    append([makeHit({ timestamp: '2015-05-05T00:00:00Z' })]);
    await settle();
    await database.sql`DROP TABLE hits_2015_05`;
    append([makeHit({ timestamp: '2015-05-06T00:00:00Z' })]);
    await settle();
    expect(await database.sql`SELECT 1 FROM hits_2015_05`).toHaveLength(1);
  });

  it('closes in the middle of an outage, and leaves the rest in the journal', async () => {
    await database.sql`ALTER TABLE hits RENAME TO hits_away`;
    append([makeHit()]);
    await journal.flush();
    while (drain.stats().failures < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    await drain.close();
    await database.sql`ALTER TABLE hits_away RENAME TO hits`;
    expect(journal.stats()).toMatchObject({ synced: 1, stored: 0 });
    expect(await countHits()).toBe(0);
  });
});

describe('backoff', () => {
  it('doubles up to two seconds, and chance takes away half of it at most', () => {
    expect([1, 2, 3, 10, 1000].map((failures) => backoffMs(failures, 0))).toEqual([25, 50, 100, 1000, 1000]);
    expect([1, 2, 3, 10, 1000].map((failures) => backoffMs(failures, 1))).toEqual([50, 100, 200, 2000, 2000]);
  });
});
