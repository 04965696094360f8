import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publishRevocation, type Revocation } from '../../src/grants/revocation/publish.ts';
import { startRevocationFeed, type RevocationFeed } from '../../src/grants/revocation/feed.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import { until } from './control.ts';
import { createProxy, readPort, throughProxy, type Proxy } from './proxy.ts';

let database: TestDatabase;
let proxy: Proxy;
let sql: Sql;
let feed: RevocationFeed | null = null;
let seen: string[] = [];
let offsetMs = 0;

beforeAll(async () => {
  database = await createDatabase();
});
beforeEach(async () => {
  await database.sql`TRUNCATE revocation_log RESTART IDENTITY`;
  proxy = await createProxy(readPort(database.url));
  sql = openTestPool(throughProxy(database.url, proxy));
  seen = [];
  offsetMs = 0;
});
afterEach(async () => {
  await feed?.close();
  await sql.end({ timeout: 0 });
  await proxy.close();
});
afterAll(async () => {
  await database.close();
});

async function start(pollMs = 50, now = () => performance.now() + offsetMs): Promise<RevocationFeed> {
  feed = startRevocationFeed(
    { pollMs },
    {
      sql,
      apply: ({ sequence, subject }) => seen.push(`${sequence} ${subject}`),
      applyGap: (sequence) => seen.push(`gap ${sequence}`),
      log: () => undefined,
      now,
      wallNow: Date.now,
    },
  );
  await feed.poll();
  return feed;
}

async function publish(...subjects: readonly string[]): Promise<void> {
  const revocations = subjects.map((subject): Revocation => ({ kind: 'client', subject, version: 1 }));
  await database.sql.begin((tx) => publishRevocation(tx, ...revocations));
}

async function countWaitingForLock(): Promise<number> {
  const [row] = await database.sql<{ waiting: number }[]>`
    SELECT count(*)::int AS waiting FROM pg_locks
    WHERE locktype = 'advisory' AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  return row?.waiting ?? 0;
}

describe('the revocation feed', () => {
  it('starts at the end of the log, and brings what follows, in order, once', async () => {
    await publish('old');
    const running = await start();
    expect(running.lastSequence()).toBe(1);
    await publish('a', 'b');
    await publish('c');
    await until(() => running.lastSequence() === 4);
    expect(seen).toEqual(['gap 1', '2 a', '3 b', '4 c']);
  });

  it('hears of a change by notification, without a poll', async () => {
    const running = await start(86_400_000);
    await publish('a');
    await until(() => running.lastSequence() === 1);
  });

  it('finds by its polls what came without a notification', async () => {
    const running = await start();
    await database.sql`INSERT INTO revocation_log (kind, subject, version) VALUES ('site', 'a', 1)`;
    await until(() => running.lastSequence() === 1);
    expect(seen).toEqual(['gap 0', '1 a']);
  });

  it('loses nothing when announcements of several writers are committed out of turn', async () => {
    const running = await start();
    let commitFirst = (): void => undefined;
    const mayCommit = new Promise<void>((resolve) => (commitFirst = resolve));
    let announceInserted = (): void => undefined;
    const inserted = new Promise<void>((resolve) => (announceInserted = resolve));
    const first = database.sql.begin(async (tx) => {
      await publishRevocation(tx, { kind: 'client', subject: 'first', version: 1 });
      announceInserted();
      await mayCommit;
    });
    await inserted;
    let isSecondDone = false;
    const second = publish('second').then(() => (isSecondDone = true));
    await until(async () => isSecondDone || (await countWaitingForLock()) === 1);
    await running.poll();
    expect(seen).toEqual(['gap 0']);
    commitFirst();
    await Promise.all([first, second]);
    await until(() => running.lastSequence() === 2);
    expect(seen).toEqual(['gap 0', '1 first', '2 second']);
  });

  it('says nothing of a change that was rolled back, and takes the hole that it leaves', async () => {
    const running = await start();
    await publish('a');
    await database.sql
      .begin(async (tx) => {
        await publishRevocation(tx, { kind: 'client', subject: 'never', version: 1 });
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    await publish('b');
    await until(() => running.lastSequence() === 3);
    expect(seen).toEqual(['gap 0', '1 a', '3 b']);
  });

  it('calls it a gap when more has changed than is worth reading', async () => {
    const running = await start();
    await publish(...Array.from({ length: 1001 }, (_, index) => String(index)));
    await until(() => running.lastSequence() === 1001);
    expect(seen).toEqual(['gap 0', 'gap 1001']);
  });

  it('calls it a gap when the log was pruned of what it has not read', async () => {
    await publish('a');
    const running = await start();
    proxy.cut();
    await publish('b', 'c', 'd');
    await database.sql`DELETE FROM revocation_log WHERE seq < 4`;
    proxy.mend();
    await until(() => running.lastSequence() === 4);
    expect(seen).toEqual(['gap 1', 'gap 4']);
  });

  it('does not mind when the log is pruned of what it has read', async () => {
    await publish('a', 'b');
    const running = await start();
    await database.sql`DELETE FROM revocation_log WHERE seq < 2`;
    await publish('c');
    await until(() => running.lastSequence() === 3);
    expect(seen).toEqual(['gap 2', '3 c']);
  });

  it('calls it a gap when the log begins anew', async () => {
    await publish('a', 'b', 'c');
    const running = await start();
    await database.sql`TRUNCATE revocation_log RESTART IDENTITY`;
    await publish('d');
    await until(() => running.lastSequence() === 1);
    expect(seen).toEqual(['gap 3', 'gap 1']);
  });

  it('calls it a gap when it was cut off for longer than the log is sure to be kept', async () => {
    const running = await start(86_400_000);
    offsetMs = 600_001;
    await running.poll();
    expect(seen).toEqual(['gap 0', 'gap 0']);
  });

  it('is current as of the beginning of the last poll that worked', async () => {
    const running = await start(86_400_000, () => offsetMs);
    proxy.cut();
    offsetMs = 1000;
    await running.poll();
    expect(running.currentAsOfMs()).toBe(0);
    proxy.mend();
    await until(async () => {
      await running.poll();
      return running.currentAsOfMs() === 1000;
    });
  });

  it('is not current as of the end of a poll: its answer may be old by then', async () => {
    const running = await start(86_400_000, () => offsetMs);
    // Once this has arrived, it listens, and nothing else makes it poll.
    await publish('a');
    await until(() => running.lastSequence() === 1);
    await running.poll();
    proxy.holdAll();
    const poll = running.poll();
    await proxy.held;
    offsetMs = 1000;
    proxy.releaseAll();
    await poll;
    expect(running.currentAsOfMs()).toBe(0);
  });

  it('takes nothing from a poll that was given up', async () => {
    const running = await start(86_400_000);
    // The answers wait on the wire while the poll's time runs out.
    proxy.holdAll();
    await publish('late');
    await running.poll();
    expect(running.lastSequence()).toBe(0);
    proxy.releaseAll();
    await until(async () => {
      await running.poll();
      return running.lastSequence() === 1;
    });
    expect(seen).toEqual(['gap 0', '1 late']);
  });
});
