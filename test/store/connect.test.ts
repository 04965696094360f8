import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProxy, readPort, throughProxy } from '../grants/proxy.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database.close();
});

describe('an array', () => {
  it('of any texts goes to Postgres and comes back as it was', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }).map((any) => any.replaceAll('\0', '')),
      fc.constantFrom('', 'NULL', '"', '\\', ',', '{}', ' a ', '\\"', '\n', '%'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (texts) => {
        const [row] = await database.sql<{ back: string[]; count: number }[]>`
          SELECT ${texts}::text[] AS back, cardinality(${texts}::text[]) AS count`;
        expect(row).toEqual({ back: texts, count: texts.length });
      }),
      { numRuns: 200 },
    );
  });

  it('of numbers and ids means them', async () => {
    const id = '0b5f6c8e-1c2d-4e3f-8a9b-0c1d2e3f4a5b';
    const [row] = await database.sql`
      SELECT (SELECT sum(n)::float8 FROM unnest(${[1, 2.5, -3]}::float8[]) AS n) AS doubles,
             (SELECT sum(n)::text FROM unnest(${[1, 2 ** 53]}::bigint[]) AS n) AS bigints,
             ${id}::uuid = ANY(${[id]}::uuid[]) AS is_there, ${[]}::text[] AS empty`;
    expect(row).toEqual({ doubles: 0.5, bigints: String(2n ** 53n + 1n), is_there: true, empty: [] });
  });
});

describe('a connection', () => {
  it('commits durably, whatever the database is tuned for', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.sql.unsafe(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    const sql = openTestPool(database.url);
    expect(await sql`SHOW synchronous_commit`).toEqual([{ synchronous_commit: 'on' }]);
    await sql.end({ timeout: 1 });
  });

  it('that is cut while it is being made fails its query, and nothing else', async () => {
    const proxy = await createProxy(readPort(database.url));
    const ended: string[] = [];
    // Each a little later: at one of these moments it is in the middle of what it does at its beginning.
    for (let cutAfterMs = 0; cutAfterMs < 30; cutAfterMs++) {
      const sql = openTestPool(throughProxy(database.url, proxy));
      const query = sql`SELECT 1`.then(
        () => 'answered',
        () => 'failed',
      );
      await sleep(cutAfterMs);
      proxy.cut();
      ended.push(await Promise.race([query, sleep(50, 'waiting')]));
      proxy.mend();
      await sql.end({ timeout: 0 });
      await query;
    }
    expect(ended).toContain('answered');
    expect(ended.filter((end) => end !== 'answered').length).toBeGreaterThan(0);
    await proxy.close();
  });

  it.each(['closed', 'reset'])('that is %s in a transaction fails it, and nothing else', async (how) => {
    const proxy = await createProxy(readPort(database.url));
    const sql = openTestPool(throughProxy(database.url, proxy));
    const transaction = sql.begin((tx) => tx`SELECT pg_sleep(5)`);
    const failing = expect(transaction).rejects.toThrow(/CONNECTION_CLOSED|ECONNRESET/);
    await sleep(200);
    if (how === 'closed') proxy.cut();
    else proxy.reset();
    await failing;
    proxy.mend();
    // The turns of the event loop in which the library would write to the socket that is gone.
    await sleep(50);
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
    await expect(sql.begin((tx) => tx`SELECT 1 / 0`)).rejects.toThrow('division by zero');
    expect(await sql.begin('read only', (tx) => tx`SELECT 2 AS two`)).toEqual([{ two: 2 }]);
    await sql.end({ timeout: 1 });
    await proxy.close();
  });
});
