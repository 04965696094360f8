import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frameRows, sortByTable } from '../../src/drain/batch.ts';
import { startHousekeeping, type Housekeeping } from '../../src/store/housekeeping/housekeeping.ts';
import { listPartitions } from '../../src/store/housekeeping/partition.ts';
import type { RowRule } from '../../src/store/housekeeping/retire.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { createDatabase, holdOpen, openTestPool, type TestDatabase } from '../setup/database.ts';
import { makeHit } from '../setup/rows.ts';

const DAY_MS = 86_400_000;
const NEVER_MS = 2 ** 31 - 1;
const KEPT_DAYS = 100;

let database: TestDatabase;
let store: Store;
let log: string[];
let opened: Housekeeping[];

beforeEach(async () => {
  database = await createDatabase();
  store = openStore();
  log = [];
  opened = [];
});
afterEach(async () => {
  for (const housekeeping of opened) housekeeping.close();
  await store.close();
  await database.close();
});

const openStore = (): Store =>
  createStore(
    { writeTimeoutMs: 10_000 },
    { sql: database.sql, openWriter: () => openTestPool(database.url, 1) },
  );

function keep(keptMs: number | null = KEPT_DAYS * DAY_MS, rows: readonly RowRule[] = []): Housekeeping {
  const housekeeping = startHousekeeping(
    { everyMs: NEVER_MS, months: [{ table: 'hits', keptMs }], rows },
    {
      sql: database.sql,
      log: (_, fields, message) => log.push(`${message} ${JSON.stringify(fields)}`),
    },
  );
  opened.push(housekeeping);
  return housekeeping;
}

/** Stores one pageview for each age in days; throws unless it is taken at once. */
async function write(...ages: readonly number[]): Promise<void> {
  const entries = ages.map((days) =>
    makeHit({ timestamp: new Date(Date.now() - days * DAY_MS).toISOString() }),
  );
  for (const batch of sortByTable(Buffer.concat(entries))) {
    const outcome = await store.write(frameRows(batch, 0, batch.rowCount));
    if (outcome.kind !== 'stored') throw new Error(JSON.stringify(outcome));
  }
}

const countHits = async (): Promise<number> =>
  (await database.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM hits`)[0]?.count ?? -1;
const listNames = async (): Promise<string[]> =>
  (await listPartitions(database.sql, 'hits')).map(({ name }) => name);
const monthName = (ahead: number): string => {
  const now = new Date();
  return `hits_${new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead)).toISOString().slice(0, 7).replace('-', '_')}`;
};

describe('months', () => {
  it('are made ahead: the present one and the next', async () => {
    await keep(null).tidy();
    expect(await listNames()).toEqual([monthName(0), monthName(1)]);
  });

  it('go when all of them is older than what is kept; the others stay whole', async () => {
    await write(0, 99, 101, 140, 141, 500, 5000);
    const before = await listPartitions(database.sql, 'hits');
    const expired = before.filter(({ endedMs }) => (endedMs ?? 0) >= KEPT_DAYS * DAY_MS);
    const housekeeping = keep();
    await housekeeping.tidy();
    expect(housekeeping.stats().partitionsDropped).toBe(expired.length);
    expect(log).toHaveLength(expired.length);
    const names = await listNames();
    expect(names).toEqual(expect.arrayContaining([monthName(0), monthName(1)]));
    expect(names.filter((name) => expired.some((partition) => partition.name === name))).toEqual([]);
    expect(before.filter(({ name }) => !names.includes(name))).toEqual(expired);
    const [oldest] = await database.sql<{ days: number }[]>`
      SELECT extract(epoch FROM now() - min(timestamp))::float8 / 86400 AS days FROM hits`;
    expect(oldest?.days).toBeGreaterThanOrEqual(99);
    expect(oldest?.days).toBeLessThan(KEPT_DAYS + 31);
  });

  it('stay for ever when nothing says otherwise', async () => {
    await write(0, 5000);
    const housekeeping = keep(null);
    await housekeeping.tidy();
    expect(await countHits()).toBe(2);
    expect(housekeeping.stats()).toMatchObject({ partitionsDropped: 0, rowsDeleted: 0 });
  });

  it('are made again for a row that comes late, also by a gateway that knew the dropped one', async () => {
    await write(500);
    await keep().tidy();
    expect(await countHits()).toBe(0);
    await expect(write(500)).rejects.toThrow('unavailable');
    await write(500);
    expect(await countHits()).toBe(1);
  });

  it('are not the only ones cleared: what an older row left in a partition for all the rest goes too', async () => {
    await database.sql`CREATE TABLE "hits rest" PARTITION OF hits DEFAULT`;
    const insert = (days: number) => database.sql`
      INSERT INTO hits (site_id, timestamp, id, client_id, received_at, session_id, page_id, path, hostname, user_agent)
      SELECT ${randomUUID()}::uuid, now() - ${days} * interval '1 day', gen_random_uuid(), gen_random_uuid(), now(),
             gen_random_uuid(), gen_random_uuid(), '/', 'example.com', 'Firefox' FROM generate_series(1, 6000)`;
    await insert(KEPT_DAYS + 1);
    await insert(KEPT_DAYS - 1);
    const housekeeping = keep();
    await housekeeping.tidy();
    expect(await countHits()).toBe(6000);
    expect(housekeeping.stats().rowsDeleted).toBe(6000);
  });
});

describe('while records are written', () => {
  it('months go without a refused write, and no row that is kept is lost', async () => {
    for (let month = 0; month < 12; month++) await write(200 + 31 * month);
    let written = 0;
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await write(...Array.from({ length: 200 }, (_, index) => index % 60));
        written += 200;
      }
    })();
    while (written === 0) await sleep(5);
    const housekeeping = keep();
    while (housekeeping.stats().partitionsDropped < 12) await housekeeping.tidy();
    const after = written;
    while (written < after + 1000) await sleep(5);
    isOver = true;
    await writing;
    expect(await countHits()).toBe(written);
  });

  it('a reader that stays is left alone, and nobody waits behind it for long', async () => {
    await write(500);
    const release = await holdOpen(database.sql, 'SELECT count(*) FROM hits');
    const housekeeping = keep();
    const [, outcome] = await Promise.all([housekeeping.tidy(), write(0, 1, 2)]);
    expect(outcome).toBeUndefined();
    expect(housekeeping.stats()).toMatchObject({ partitionsDropped: 0, failures: 1 });
    expect(log).toEqual([expect.stringMatching(/^housekeeping is held up.*"hits"/)]);
    await release();
    await housekeeping.tidy();
    expect(housekeeping.stats()).toMatchObject({ partitionsDropped: 1, failures: 1 });
    expect(await countHits()).toBe(3);
  });
});

describe('many gateways', () => {
  it('share the work: every month goes once, and nobody fails', async () => {
    for (let month = 0; month < 12; month++) await write(200 + 31 * month);
    const expired = (await listPartitions(database.sql, 'hits')).length;
    const gateways = [keep(), keep(), keep()];
    const dropped = (): number => gateways.reduce((sum, each) => sum + each.stats().partitionsDropped, 0);
    while (dropped() < expired) await Promise.all(gateways.map((each) => each.tidy()));
    expect(dropped()).toBe(expired);
    expect(log.filter((line) => line.startsWith('housekeeping failed'))).toEqual([]);
    expect(await listNames()).toEqual([monthName(0), monthName(1)]);
  });

  it('take steps one at a time: while one is at it the others do nothing', async () => {
    await write(500);
    const release = await holdOpen(database.sql, 'SELECT pg_advisory_xact_lock(1801807216)');
    const housekeeping = keep();
    await housekeeping.tidy();
    expect(housekeeping.stats().partitionsDropped).toBe(0);
    await release();
    await housekeeping.tidy();
    expect(housekeeping.stats().partitionsDropped).toBe(1);
  });
});

describe('rows of plain tables', () => {
  it('go when they are older than what is kept, however many they are, but for those that are spared', async () => {
    await database.sql`
      INSERT INTO revocation_log (kind, subject, version, created_at)
      SELECT 'client', 'x', 1, now() - make_interval(days => days) FROM generate_series(1, 12000) AS days`;
    const spared = 'seq > 11990 OR seq = 5';
    const rule = {
      table: 'revocation_log',
      column: 'created_at',
      keptMs: 7.5 * DAY_MS,
      only: `NOT (${spared})`,
    };
    const housekeeping = keep(null, [rule]);
    await housekeeping.tidy();
    const left = await database.sql<{ seq: string }[]>`SELECT seq FROM revocation_log ORDER BY seq`;
    expect(left.map(({ seq }) => Number(seq))).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7],
      ...Array.from({ length: 10 }, (_, index) => 11_991 + index),
    ]);
    expect(housekeeping.stats().rowsDeleted).toBe(12_000 - left.length);
  });

  it('that one rule cannot delete do not keep the others from it, and the reason is logged', async () => {
    await database.sql`INSERT INTO gateway_nodes VALUES (gen_random_uuid(), 'gone', 1, now() - interval '2 hours')`;
    const rules = ['no_such_table', 'gateway_nodes'].map((table) => ({
      table,
      column: 'seen_at',
      keptMs: 1,
    }));
    const housekeeping = keep(null, rules);
    await housekeeping.tidy();
    expect(await database.sql`SELECT FROM gateway_nodes`).toHaveLength(0);
    expect(log).toEqual([expect.stringMatching(/^housekeeping failed .*42P01/)]);
    expect(housekeeping.stats().failures).toBe(1);
  });
});

describe('the time of the last success', () => {
  it('is the start at first, stays where it is while anything is left undone, and goes on after that', async () => {
    const rule = { table: 'gateway_nodes', column: 'seen_at', keptMs: 1 };
    const madeAtMs = Date.now();
    const housekeeping = keep(null, [rule]);
    const tidyLater = async (): Promise<number> => {
      await sleep(2);
      await housekeeping.tidy();
      return housekeeping.stats().lastSuccessAtMs;
    };
    const startedAtMs = housekeeping.stats().lastSuccessAtMs;
    expect(startedAtMs).toBeGreaterThanOrEqual(madeAtMs);
    await database.sql`ALTER TABLE gateway_nodes RENAME TO elsewhere`;
    expect(await tidyLater()).toBe(startedAtMs);
    await database.sql`ALTER TABLE elsewhere RENAME TO gateway_nodes`;
    const succeededAtMs = await tidyLater();
    expect(succeededAtMs).toBeGreaterThan(startedAtMs);
    const release = await holdOpen(database.sql, 'SELECT pg_advisory_xact_lock(1801807216)');
    expect(await tidyLater()).toBeGreaterThan(succeededAtMs);
    await release();
    expect(housekeeping.stats().failures).toBe(1);
  });
});
