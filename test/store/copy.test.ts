import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectPostgres, readSqlstate, type Sql } from '../../src/store/connect.ts';
import { COPY_HEADER_BYTES, COPY_TRAILER_BYTES, copyIn, frameCopy } from '../../src/store/copy.ts';
import { createProxy, readPort, throughProxy } from '../grants/proxy.ts';
import { createDatabase, holdOpen, openTestPool, type TestDatabase } from '../setup/database.ts';

const COPY = 'COPY numbers (n) FROM STDIN (FORMAT binary)';
let database: TestDatabase;
let writer: Sql;

beforeAll(async () => {
  database = await createDatabase();
  await database.sql`CREATE TABLE numbers (n int PRIMARY KEY CHECK (n <> 13))`;
  writer = connectPostgres({
    url: database.url,
    applicationName: 'writer',
    connectionsMax: 1,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 2000,
    lockTimeoutMs: 0,
  });
});
beforeEach(async () => {
  await database.sql`TRUNCATE numbers`;
});
afterAll(async () => {
  await writer.end();
  await database.close();
});

/** A COPY stream of int4 rows. */
function streamOf(numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(COPY_HEADER_BYTES + numbers.length * 10 + COPY_TRAILER_BYTES);
  let end = COPY_HEADER_BYTES;
  for (const number of numbers) {
    buffer.writeInt16BE(1, end);
    buffer.writeInt32BE(4, end + 2);
    buffer.writeInt32BE(number, end + 6);
    end += 10;
  }
  return frameCopy(buffer, end);
}

async function readNumbers(): Promise<number[]> {
  const rows = await database.sql<{ n: number }[]>`SELECT n FROM numbers ORDER BY n`;
  return rows.map((row) => row.n);
}

/** A connection that has just been cut may fail the next statement too before it is opened anew. */
async function readWriterPid(): Promise<number> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const rows = await writer<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`.catch(() => []);
    if (rows[0] !== undefined) return rows[0].pid;
  }
  throw new Error('the writer does not come back');
}

async function sqlstateOf(work: Promise<void>): Promise<string | null> {
  return work.then(
    () => 'no error',
    (error: unknown) => readSqlstate(error),
  );
}

describe('COPY', () => {
  it('resolves when the rows are committed and visible to others', async () => {
    await copyIn(writer, COPY, streamOf([1, 2, 3]));
    expect(await readNumbers()).toEqual([1, 2, 3]);
  });

  it('rejects a unique violation that Postgres reports only after the last byte', async () => {
    await copyIn(writer, COPY, streamOf([7]));
    expect(await sqlstateOf(copyIn(writer, COPY, streamOf([6, 7])))).toBe('23505');
    expect(await readNumbers()).toEqual([7]);
  });

  it('rejects a violated constraint and malformed bytes with the reason Postgres gave', async () => {
    expect(await sqlstateOf(copyIn(writer, COPY, streamOf([12, 13, 14])))).toBe('23514');
    expect(await sqlstateOf(copyIn(writer, COPY, Buffer.from('not a copy stream')))).toBe('22P04');
    expect(await readNumbers()).toEqual([]);
  });

  it('rejects when the table does not exist', async () => {
    expect(await sqlstateOf(copyIn(writer, COPY.replace('numbers', 'nothing'), streamOf([1])))).toBe('42P01');
  });

  it('goes on on the same connection after each kind of failure', async () => {
    for (const bad of [streamOf([13]), Buffer.from('garbage'), streamOf([1, 1])]) {
      await expect(copyIn(writer, COPY, bad)).rejects.toThrow();
      await copyIn(writer, COPY, streamOf([100]));
      await database.sql`TRUNCATE numbers`;
    }
  });

  it('rejects an error that arrives while many bytes are still being sent', async () => {
    const numbers = Array.from({ length: 500_000 }, (_, index) => index);
    numbers[10] = 13;
    expect(await sqlstateOf(copyIn(writer, COPY, streamOf(numbers)))).toBe('23514');
    expect(await readNumbers()).toEqual([]);
  });

  it('rejects when its connection is cut, before or after the last byte', async () => {
    for (const size of [1, 500_000]) {
      const pid = await readWriterPid();
      const release = await holdOpen(database.sql, 'LOCK TABLE numbers IN SHARE MODE');
      const outcome = sqlstateOf(
        copyIn(writer, COPY, streamOf(Array.from({ length: size }, (_, n) => n + 1000))),
      );
      await database.sql`SELECT pg_sleep(0.1)`;
      await database.sql`SELECT pg_terminate_backend(${pid})`;
      expect(await outcome).not.toBe('no error');
      await release();
      expect(await readNumbers()).toEqual([]);
    }
    await readWriterPid();
  });

  it('whose connection is lost before it has begun does not fail the next one', async () => {
    const proxy = await createProxy(readPort(database.url));
    const far = openTestPool(throughProxy(database.url, proxy), 1);
    await far`SELECT 1`;
    const release = await holdOpen(database.sql, 'LOCK TABLE numbers IN SHARE MODE');
    const outcome = sqlstateOf(copyIn(far, COPY, streamOf([1])));
    await database.sql`SELECT pg_sleep(0.1)`;
    proxy.cut();
    expect(await outcome).not.toBe('no error');
    await release();
    proxy.mend();
    await copyIn(far, COPY, streamOf([2]));
    expect(await readNumbers()).toEqual([2]);
    await far.end({ timeout: 1 });
    await proxy.close();
  });

  it('is all or nothing inside a transaction, and its failure is seen there', async () => {
    const work = writer.begin(async (tx) => {
      await copyIn(tx, COPY, streamOf([1, 2]));
      await copyIn(tx, COPY, streamOf([2, 3]));
    });
    expect(await sqlstateOf(work)).toBe('23505');
    expect(await readNumbers()).toEqual([]);
  });
});
