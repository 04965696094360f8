import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createRedisTier, type RedisTier } from '../../src/grants/redis.ts';
import type { Grants } from '../../src/grants/resolve.ts';
import { startRevocationFeed, type RevocationFeed } from '../../src/grants/revocation/feed.ts';
import { publishRevocation, type LoggedRevocation, type News } from '../../src/grants/revocation/publish.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import * as control from './control.ts';
import { until } from './control.ts';
import { createProxy, readPort, throughProxy, type Proxy } from './proxy.ts';

const NAMESPACE = `test-${randomBytes(6).toString('hex')}`;
const CHANNEL = `${NAMESPACE}:revocations`;
const DAY_MS = 86_400_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database.close();
});

function revocation(sequence: number, subject: string): LoggedRevocation {
  return { kind: 'client', subject, version: 1, sequence, loggedAtMs: Date.now() };
}

describe('news that come by another way than the log', () => {
  let feed: RevocationFeed;
  let seen: string[] = [];
  let advances = 0;

  beforeEach(async () => {
    await database.sql`TRUNCATE revocation_log RESTART IDENTITY`;
    seen = [];
    advances = 0;
    feed = startRevocationFeed(
      { pollMs: DAY_MS },
      {
        sql: database.sql,
        apply: ({ sequence, subject }) => seen.push(`${sequence} ${subject}`),
        applyGap: () => undefined,
        onAdvance: () => advances++,
        log: () => undefined,
        now: () => performance.now(),
        wallNow: Date.now,
      },
    );
    await feed.poll();
    // Listening asks for a poll as well.
    await until(() => advances > 0);
    await feed.poll();
  });
  afterEach(async () => {
    await feed.close();
  });

  const publish = (subject: string): Promise<News> =>
    database.sql.begin((tx) => publishRevocation(tx, { kind: 'client', subject, version: 1 }));

  it('are applied at once, and not again when the log brings them', async () => {
    const news = await publish('a');
    feed.take(news, null);
    expect(seen).toEqual(['1 a']);
    await feed.poll();
    await feed.poll();
    expect(seen).toEqual(['1 a']);
    expect(feed.lastSequence()).toBe(1);
  });

  it('after a gap are applied at once, and the log is read for what is missing', async () => {
    await database.sql`
      INSERT INTO revocation_log (kind, subject, version) VALUES ('client', 'missing', 1), ('client', 'told', 1)`;
    feed.take({ from: 1, to: 2, revocations: [revocation(2, 'told')] }, null);
    expect(seen).toEqual(['2 told']);
    expect(feed.lastSequence()).toBe(0);
    await until(() => feed.lastSequence() === 2);
    expect(seen).toEqual(['2 told', '1 missing', '2 told']);
  });

  it('that are old move nothing back', async () => {
    feed.take({ from: 0, to: 2, revocations: [revocation(1, 'a'), revocation(2, 'b')] }, null);
    feed.take({ from: 0, to: 1, revocations: [revocation(1, 'a')] }, null);
    expect(seen).toEqual(['1 a', '2 b']);
    expect(feed.lastSequence()).toBe(2);
  });

  it('renew belief only when they are an answer without a gap', async () => {
    await feed.close();
    const asOfMs = feed.currentAsOfMs();
    const later = asOfMs + 60_000;
    const open = startRevocationFeed(
      { pollMs: DAY_MS },
      {
        sql: database.sql,
        apply: () => undefined,
        applyGap: () => undefined,
        log: () => undefined,
        now: () => performance.now(),
        wallNow: Date.now,
      },
    );
    await open.poll();
    open.take({ from: 0, to: 1, revocations: [revocation(1, 'a')] }, null);
    expect(open.currentAsOfMs()).toBeLessThan(later);
    open.take({ from: 7, to: 7, revocations: [] }, later);
    expect(open.currentAsOfMs()).toBeLessThan(later);
    open.take({ from: 1, to: 1, revocations: [] }, later);
    expect(open.currentAsOfMs()).toBe(later);
    await open.close();
  });

  it('are told by publishing: where they begin, and in which order they were logged', async () => {
    await publish('a');
    const news = await database.sql.begin((tx) =>
      publishRevocation(
        tx,
        { kind: 'client', subject: 'b', version: 7 },
        { kind: 'site', subject: 'c', version: 1 },
      ),
    );
    expect(news).toMatchObject({
      from: 1,
      to: 3,
      revocations: [
        { kind: 'client', subject: 'b', version: 7, sequence: 2 },
        { kind: 'site', subject: 'c', version: 1, sequence: 3 },
      ],
    });
  });
});

describe('the push by Redis', () => {
  const fleet = control.createFleet();
  let proxy: Proxy;
  let sql: Sql;
  let tiers: RedisTier[] = [];
  let raw: Redis;

  beforeEach(async () => {
    proxy = await createProxy(readPort(database.url));
    sql = openTestPool(throughProxy(database.url, proxy));
    raw = new Redis(inject('redisUrl'));
    tiers = [];
  });
  afterEach(async () => {
    await fleet.closeAll();
    await Promise.all(tiers.map((tier) => tier.close()));
    raw.disconnect();
    await sql.end({ timeout: 0 });
    await proxy.close();
  });

  async function start(own: Sql, values: { pollMs: number }): Promise<Grants> {
    const redis = createRedisTier(
      { url: inject('redisUrl'), namespace: NAMESPACE, timeoutMs: 500 },
      { log: () => undefined },
    );
    tiers.push(redis);
    await until(() => redis.stats().isConnected);
    return fleet.start(values, { sql: own, redis });
  }

  it('reaches a gateway that cannot read the log at all, by what another one answers', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const cut = await start(sql, { pollMs: 60 });
    const whole = await start(database.sql, { pollMs: 60 });
    expect(await control.resolveKind(cut, client.token)).toBe('granted');
    proxy.cut();
    await until(() => (cut.stats().push?.answersHeard ?? 0) > 2);
    expect(whole.stats().push?.answersGiven).toBeGreaterThan(0);
    // Nobody tells it: the change is in the log alone, as after a change made by a command.
    const sequence = await control.setRevoked(database.sql, client, true);
    await until(() => cut.stats().lastSequence === sequence);
    expect(cut.peek(client.token)?.kind).not.toBe('granted');
    expect(cut.stats().feedAgeMs).toBeLessThan(20_000);
  });

  it('hears its own heartbeat, and says so', async () => {
    const grants = await start(database.sql, { pollMs: 50 });
    await until(() => grants.stats().push?.isHeard === true);
  });

  it('takes what is said on the channel for what it is, and survives what is no message', async () => {
    const grants = await start(database.sql, { pollMs: 50 });
    const client = await control.insertClient(database.sql, { teamId: null });
    expect(await control.resolveKind(grants, client.token)).toBe('granted');
    const before = grants.stats().lastSequence ?? 0;
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"kind":"news"}',
      '{"kind":"question","node":1}',
      'x'.repeat(100_000),
    ])
      await raw.publish(CHANNEL, text);
    // An answer to a question that was never asked.
    const answer = {
      kind: 'news',
      from: before,
      to: before,
      revocations: [],
      answers: { node: 'n', nonce: 1 },
    };
    await raw.publish(CHANNEL, JSON.stringify(answer));
    await until(() => fleet.lines.some((line) => line.includes('no message')));
    expect(grants.peek(client.token)?.kind).toBe('granted');
    const news = {
      from: before,
      to: before + 1,
      revocations: [{ ...revocation(before + 1, client.tokenHash), version: 99 }],
    };
    await raw.publish(CHANNEL, JSON.stringify({ kind: 'news', ...news, answers: null }));
    await until(() => grants.peek(client.token)?.kind !== 'granted');
    expect(grants.stats().push?.answersHeard).toBe(0);
  });

  it("renews nobody's belief by an answer that was not asked for, or comes from nobody", async () => {
    const cut = await start(sql, { pollMs: 50 });
    proxy.cut();
    const cutAtMs = performance.now();
    const last = cut.stats().lastSequence ?? 0;
    const before = cut.stats().push?.newsHeard ?? 0;
    for (const answers of [null, { node: 'another', nonce: 1 }, { node: 'another', nonce: 2 }]) {
      const news = { kind: 'news', from: last, to: last, revocations: [], answers };
      await raw.publish(CHANNEL, JSON.stringify(news));
    }
    await until(() => (cut.stats().push?.newsHeard ?? 0) >= before + 3);
    expect(cut.stats().feedAgeMs).toBeGreaterThanOrEqual(performance.now() - cutAtMs - 1);
  });

  it('measures how late a revocation was', async () => {
    const grants = await start(database.sql, { pollMs: 50 });
    const client = await control.insertClient(database.sql, { teamId: null });
    const sequence = await control.setRevoked(database.sql, client, true);
    await until(() => grants.stats().lastSequence === sequence);
    expect(grants.stats().revocationLagMsMax).toBeGreaterThanOrEqual(grants.stats().revocationLagMs);
  });
});

describe('a receipt', () => {
  const fleet = control.createFleet();
  beforeEach(async () => {
    await database.sql`TRUNCATE gateway_nodes`;
  });
  afterEach(async () => {
    await fleet.closeAll();
  });

  it('names who has applied a revocation and who has not, and forgets those that stopped', async () => {
    const one = await fleet.start({ nodeName: 'one' }, { sql: database.sql });
    const two = await fleet.start({ nodeName: 'two' }, { sql: database.sql });
    const end = one.stats().lastSequence ?? 0;
    await until(async () => (await one.readReceipt(end, 0)).applied_by.length === 2);
    expect(await one.readReceipt(end, 0)).toEqual({
      sequence: end,
      applied_by: ['one', 'two'],
      pending: [],
      bound_ms: 30_000,
    });
    const ahead = await one.readReceipt(end + 1, 50);
    expect(ahead.pending.map(({ node }) => node)).toEqual(['one', 'two']);
    await two.close();
    expect((await one.readReceipt(end, 0)).applied_by).toEqual(['one']);
  });

  it('counts a gateway that starts in the place of one that was killed', async () => {
    await database.sql`
      INSERT INTO gateway_nodes (id, name, applied_sequence, seen_at)
      VALUES (gen_random_uuid(), 'one', 0, now()), (gen_random_uuid(), 'long gone', 0, now() - interval '2 minutes')`;
    const one = await fleet.start({ nodeName: 'one' }, { sql: database.sql });
    const end = one.stats().lastSequence ?? 0;
    await until(async () => (await one.readReceipt(end, 0)).applied_by.length > 0);
    expect(await one.readReceipt(end, 0)).toMatchObject({ applied_by: ['one'], pending: [] });
  });
});
