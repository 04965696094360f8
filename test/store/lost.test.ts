import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { answered } from '../../src/store/connection/answers.ts';
import { connectPostgres, type Sql } from '../../src/store/connect.ts';
import { frameRows, sortByTable } from '../../src/drain/batch.ts';
import { createStore, type TableRows } from '../../src/store/store.ts';
import { createProxy, readPort, throughProxy, type Proxy } from '../grants/proxy.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import { CANCELLED } from '../setup/messages.ts';
import { makeHit } from '../setup/rows.ts';

let database: TestDatabase;
let proxy: Proxy;
let far: Sql;

beforeAll(async () => {
  database = await createDatabase();
  await database.sql`CREATE TABLE numbers (n int)`;
});
beforeEach(async () => {
  proxy = await createProxy(readPort(database.url));
  far = openTestPool(throughProxy(database.url, proxy), 1);
});
afterEach(async () => {
  await far.end({ timeout: 0 });
  await proxy.close();
});
afterAll(async () => {
  await database.close();
});

/** A socket that hears when its other end rings. */
async function createBell() {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the bell has no port');
  const near = connect(address.port, '127.0.0.1');
  const [far] = (await once(listener, 'connection')) as [Socket];
  return {
    rung: () => new Promise<void>((resolve) => near.once('data', () => resolve())),
    ring: () => far.write('.'),
    close() {
      near.destroy();
      listener.close();
    },
  };
}

/** How a statement ends: 'nothing', 'answered' or the code of its error. */
async function endOf(asked: Promise<readonly unknown[]>): Promise<string> {
  return asked.then(
    (rows) => (rows.length === 0 ? 'nothing' : 'answered'),
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
}

describe('a statement on a connection that is being lost', () => {
  it('fails or is answered: it never finds nothing', async () => {
    const bell = await createBell();
    const ends = new Set<string>();
    for (let turns = 0; turns < 10; turns++) {
      await far`SELECT 1`.catch(() => undefined);
      await far`SELECT 1`;
      // The event loop learns of both at once, of the reset first: the statement falls between its error and its end.
      const ended = bell.rung().then(() => endOf(far`SELECT 42`));
      proxy.reset();
      bell.ring();
      await sleep(10);
      proxy.mend();
      await far`SELECT 1`.catch(() => undefined);
      ends.add(await ended);
    }
    expect([...ends].join(' ')).toMatch(/^(ECONNRESET|CONNECTION_CLOSED|answered| )+$/);
    bell.close();
  });

  it('fails where the library itself would settle it with what no server has said', async () => {
    const ends: Promise<string>[] = [];
    const sockets: Socket[] = [];
    const options: postgres.Options<Record<string, never>> & { socket: () => Socket } = {
      max: 1,
      fetch_types: false,
      socket() {
        const socket = connect(readPort(database.url), '127.0.0.1');
        socket.once('error', () => ends.push(endOf(bare`SELECT 42`)));
        sockets.push(socket);
        return socket;
      },
    };
    const bare = answered(postgres(database.url, options));
    await bare`SELECT 1`;
    sockets[0]?.destroy(new Error('reset'));
    while (ends.length === 0) await turn();
    await sleep(50);
    expect(await bare`SELECT 1 AS one`).toEqual([{ one: 1 }]);
    expect(await Promise.all(ends)).toEqual(['CONNECTION_LOST']);
    await bare.end({ timeout: 0 });
  });
});

describe('a statement', () => {
  it('has its own rows and no holes after one that has failed in the middle of its rows', async () => {
    await far`SELECT 1 / (3 - n) FROM generate_series(1, 5) AS n`.catch(() => undefined);
    const rows = await far`SELECT 42 AS answer`;
    expect([rows.length, rows[0]]).toEqual([1, { answer: 42 }]);
  });

  it('that is none fails in a transaction, which ends', async () => {
    await expect(far.begin((tx) => tx.unsafe('-- nothing'))).rejects.toThrow(/lost/);
    expect(await far`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });
});

describe('a pool', () => {
  it('that is asked while its connections are cut serves as soon as they can be made again', async () => {
    const patient = { connectTimeoutMs: 30_000, statementTimeoutMs: 9000, lockTimeoutMs: 0 };
    for (let round = 0; round < 3; round++) {
      const url = throughProxy(database.url, proxy);
      const pool = connectPostgres({ url, applicationName: 'pool', connectionsMax: 4, ...patient });
      const ask = (): Promise<readonly string[]> =>
        Promise.all(Array.from({ length: 4 }, () => endOf(pool`SELECT 1, pg_sleep(0.02)::text`)));
      await ask();
      const busy = endOf(pool`SELECT pg_sleep(5)::text`).then(ask);
      await sleep(50);
      proxy.reset();
      await busy;
      proxy.mend();
      await ask();
      // Not after half a minute, when what is in the way would have been given up.
      expect(await Promise.race([ask(), sleep(5000, ['waits'])])).toEqual(Array(4).fill('answered'));
      await pool.end({ timeout: 0 });
    }
  });

  it('of several hosts says so when none of them answers', async () => {
    const url = 'postgres://somebody@127.0.0.1:1,127.0.0.1:2/nothing';
    const limits = { connectTimeoutMs: 2000, statementTimeoutMs: 1000, lockTimeoutMs: 0 };
    const pool = connectPostgres({ url, applicationName: 'nowhere', connectionsMax: 1, ...limits });
    for (let attempt = 0; attempt < 3; attempt++) expect(await endOf(pool`SELECT 1`)).toBe('ECONNREFUSED');
    await pool.end({ timeout: 0 });
  });

  it('of several hosts goes to the one that answers', async () => {
    const { port } = new URL(database.url);
    const url = database.url.replace(`:${port}/`, `:1,127.0.0.1:${port}/`);
    const limits = { connectTimeoutMs: 2000, statementTimeoutMs: 1000, lockTimeoutMs: 0 };
    const pool = connectPostgres({ url, applicationName: 'somewhere', connectionsMax: 2, ...limits });
    const ends = Array.from({ length: 4 }, () => endOf(pool`SELECT 1`));
    expect(await Promise.all(ends)).toEqual(Array(4).fill('answered'));
    await pool.end({ timeout: 0 });
  });
});

describe('a transaction whose connection is lost', () => {
  it('says nothing in a later one that has the connection now', async () => {
    const [begun, lost] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const failing = far.begin(async (tx) => {
      await tx`INSERT INTO numbers VALUES (1)`;
      begun.resolve(undefined);
      await lost.promise;
      throw new Error('too late');
    });
    const isRejected = expect(failing).rejects.toThrow(/CONNECTION_CLOSED/);
    await begun.promise;
    proxy.cut();
    await isRejected;
    proxy.mend();
    await far.begin(async (tx) => {
      await tx`INSERT INTO numbers VALUES (2)`;
      lost.resolve(undefined);
      await sleep(50);
      await tx`SELECT 1`;
    });
    expect(await database.sql`SELECT n FROM numbers`).toEqual([{ n: 2 }]);
  });

  it('asks nothing more', async () => {
    const [begun, lost] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const failing = far.begin(async (tx) => {
      await tx`SELECT 1`;
      begun.resolve(undefined);
      await lost.promise;
      await tx`INSERT INTO numbers VALUES (3)`;
    });
    const isRejected = expect(failing).rejects.toThrow(/CONNECTION_CLOSED/);
    await begun.promise;
    proxy.cut();
    await isRejected;
    lost.resolve(undefined);
    await sleep(50);
    proxy.mend();
    expect(await database.sql`SELECT n FROM numbers WHERE n = 3`).toEqual([]);
  });
});

describe('a pool that is ended at once', () => {
  it('leaves no connection behind that was still being made', async () => {
    proxy.holdAll();
    const asked = far`SELECT 1`.then(
      () => 'answered',
      () => 'failed',
    );
    await proxy.held;
    await far.end({ timeout: 0 });
    proxy.releaseAll();
    expect(await asked).toBe('failed');
    await expect.poll(() => proxy.connections()).toBe(0);
  });
});

describe('a writer', () => {
  it('stores its rows although Postgres says something that nobody has asked for', async () => {
    const openWriter = (): Sql => openTestPool(throughProxy(database.url, proxy), 1);
    const store = createStore({ writeTimeoutMs: 10_000 }, { sql: database.sql, openWriter });
    const rows = batchOf(3);
    expect(await store.write(rows)).toMatchObject({ kind: 'stored' });
    proxy.sayAt('COPY hits', CANCELLED);
    const more = batchOf(3);
    expect(await store.write(more)).toMatchObject({ kind: 'unavailable' });
    // What Postgres answers to the COPY that has failed for the gateway already.
    await sleep(100);
    expect(await store.write(more)).toMatchObject({ kind: 'stored' });
    await store.close();
    expect(await database.sql`SELECT count(*)::int AS n FROM hits`).toEqual([{ n: 6 }]);
  });
});

function batchOf(rows: number): TableRows {
  const [batch] = sortByTable(Buffer.concat(Array.from({ length: rows }, () => makeHit())));
  if (batch === undefined) throw new Error('there are no rows');
  return frameRows(batch, 0, batch.rowCount);
}
