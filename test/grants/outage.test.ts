import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisTier, type RedisTier } from '../../src/grants/redis.ts';
import type { Grants } from '../../src/grants/resolve.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import { startRedis, type RedisServer } from '../setup/redis.ts';
import * as control from './control.ts';
import { until } from './control.ts';
import { createProxy, readPort, throughProxy, type Proxy } from './proxy.ts';

let database: TestDatabase;
const fleet = control.createFleet();

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database.close();
});

describe('when Postgres is gone', () => {
  let proxy: Proxy;
  let sql: Sql;
  let offsetMs = 0;
  const now = (): number => performance.now() + offsetMs;

  beforeEach(async () => {
    offsetMs = 0;
    proxy = await createProxy(readPort(database.url));
    sql = openTestPool(throughProxy(database.url, proxy));
  });
  afterEach(async () => {
    await fleet.closeAll();
    await sql.end({ timeout: 0 });
    await proxy.close();
  });

  it('a cached token and a cached site are good until the bound, then in doubt, and good again after it', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const site = await control.insertSite(database.sql, await control.insertTeam(database.sql));
    const grants = await fleet.start({ staleMaxMs: 3_600_000 }, { sql, now });
    expect(await control.resolveKind(grants, client.token)).toBe('granted');
    expect((await grants.resolveSite(site.domain)).kind).toBe('site');
    proxy.cut();
    await until(() => fleet.lines.some((line) => line.includes('cannot be read')));
    offsetMs = 3_000_000;
    expect(grants.peek(client.token)?.kind).toBe('granted');
    expect(grants.peekSite(site.domain)?.kind).toBe('site');
    expect(grants.stats().isBelievable).toBe(true);
    offsetMs = 3_600_001;
    expect(grants.peek(client.token)).toBeNull();
    expect(await control.resolveKind(grants, client.token)).toBe('doubt');
    expect(grants.peekSite(site.domain)).toBeNull();
    expect((await grants.resolveSite(site.domain)).kind).toBe('doubt');
    expect(grants.stats()).toMatchObject({ isBelievable: false });
    proxy.mend();
    await until(async () => (await control.resolveKind(grants, client.token)) === 'granted');
    await until(async () => (await grants.resolveSite(site.domain)).kind === 'site');
  });

  it('an unknown token is in doubt, and never denied', async () => {
    const grants = await fleet.start({}, { sql });
    proxy.cut();
    const token = control.newToken();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await control.resolveKind(grants, token)).toBe('doubt');
      expect((await grants.resolveSite('nowhere.example')).kind).toBe('doubt');
    }
    expect(grants.stats().cachedNegatives).toBe(0);
    expect(grants.stats().doubts).toBe(3);
  });

  it('at the start, all is in doubt until it comes', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    proxy.cut();
    const grants = await fleet.start({}, { sql });
    expect(grants.stats()).toMatchObject({ lastSequence: null, isBelievable: false });
    expect(await control.resolveKind(grants, client.token)).toBe('doubt');
    proxy.mend();
    await until(async () => (await control.resolveKind(grants, client.token)) === 'granted');
    await until(() => grants.stats().isBelievable);
  });

  it('what was revoked meanwhile is refused as soon as it is back', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const grants = await fleet.start({}, { sql });
    const held = await grants.resolve(client.token);
    proxy.cut();
    await control.setRevoked(database.sql, client, true);
    expect(grants.peek(client.token)).toBe(held);
    proxy.mend();
    await until(() => grants.peek(client.token) === null);
    expect(await control.resolveKind(grants, client.token)).toBe('revoked');
    expect(held.kind === 'granted' && held.grant.isVoid).toBe(true);
  });

  it('notifications are listened for again after it was back', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    // No poll comes to the rescue here.
    const grants = await fleet.start({ pollMs: 86_400_000 }, { sql });
    await control.resolveKind(grants, client.token);
    await control.setRevoked(database.sql, client, true);
    await until(() => grants.peek(client.token) === null);
    for (let outage = 0; outage < 2; outage++) {
      proxy.cut();
      const sequence = await control.setRevoked(database.sql, client, outage === 1);
      proxy.mend();
      await until(() => grants.stats().lastSequence === sequence);
    }
    const sequence = await control.setRevoked(database.sql, client, false);
    await until(() => grants.stats().lastSequence === sequence);
    expect(await control.resolveKind(grants, client.token)).toBe('granted');
  });

  it('a server that takes questions and does not answer makes doubt, and not a request that hangs', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const grants = await fleet.start({}, { sql });
    proxy.holdAll();
    expect(await control.resolveKind(grants, client.token)).toBe('doubt');
    proxy.releaseAll();
    await until(async () => (await control.resolveKind(grants, client.token)) === 'granted');
  });
});

describe('a flood of unknown tokens', () => {
  it('takes eight look-ups at once and a thousand places to wait; beyond that is doubt, and the log is read', async () => {
    const feedSql = openTestPool(database.url);
    const grants = await fleet.start({}, { sql: database.sql, feedSql });
    let releaseLock = (): void => undefined;
    const released = new Promise<void>((resolve) => (releaseLock = resolve));
    let takeLock = (): void => undefined;
    const taken = new Promise<void>((resolve) => (takeLock = resolve));
    const locker = openTestPool(database.url);
    const lock = locker.begin(async (tx) => {
      await tx`LOCK TABLE api_clients IN ACCESS EXCLUSIVE MODE`;
      takeLock();
      await released;
    });
    await taken;
    const kinds: string[] = [];
    const flood = Array.from({ length: 1108 }, async () => {
      kinds.push(await control.resolveKind(grants, control.newToken()));
    });
    await until(() => kinds.length === 100);
    expect(new Set(kinds)).toEqual(new Set(['doubt']));
    expect(grants.stats().lookups).toBe(8);
    const sequence = await announce(feedSql);
    await until(() => grants.stats().lastSequence === sequence);
    releaseLock();
    await lock;
    await Promise.all(flood);
    expect(kinds).toHaveLength(1108);
    expect(await control.resolveKind(grants, control.newToken())).toBe('unknown');
    await fleet.closeAll();
    await Promise.all([feedSql.end(), locker.end()]);
  });

  async function announce(sql: Sql): Promise<number> {
    await control.announceSite(sql, 'any.example');
    const [row] = await sql<{ seq: number }[]>`SELECT max(seq)::int AS seq FROM revocation_log`;
    return row?.seq ?? 0;
  }
});

describe('when Redis', () => {
  let server: RedisServer;
  let redis: RedisTier;
  let grants: Grants;
  const lines: string[] = [];

  beforeEach(async () => {
    lines.length = 0;
    server = await startRedis();
    const url = server.url.replace('redis://', 'redis://:hush@');
    redis = createRedisTier(
      { url, namespace: 'sluice', timeoutMs: 50 },
      { log: (_, fields, message) => lines.push(message + JSON.stringify(fields)) },
    );
    await until(() => redis.stats().isConnected);
    grants = await fleet.start({}, { sql: database.sql, redis });
  });
  afterEach(async () => {
    await fleet.closeAll();
    await redis.close();
    await server.close();
    expect(lines.join()).not.toContain('hush');
  });

  async function resolveNewClient(): Promise<string> {
    const client = await control.insertClient(database.sql, { teamId: null });
    return control.resolveKind(grants, client.token);
  }

  it('is killed, tokens are granted from Postgres; when it is back, it is used again', async () => {
    expect(await resolveNewClient()).toBe('granted');
    await server.close();
    for (let round = 0; round < 10; round++) expect(await resolveNewClient()).toBe('granted');
    await until(() => !redis.stats().isConnected);
    expect(await resolveNewClient()).toBe('granted');
    server = await startRedis(server.port);
    await until(() => redis.stats().isConnected);
    expect(await resolveNewClient()).toBe('granted');
  });

  it('is frozen, tokens are granted from Postgres, and it is left alone after a few failures', async () => {
    server.process.kill('SIGSTOP');
    for (let round = 0; round < 10; round++) expect(await resolveNewClient()).toBe('granted');
    expect(redis.stats().failures).toBeGreaterThanOrEqual(5);
    server.process.kill('SIGCONT');
    await until(async () => {
      expect(await resolveNewClient()).toBe('granted');
      return redis.stats().isConnected && redis.stats().failures === 0;
    });
  });

  it('has failed five times in a row, it is asked once a second', async () => {
    let nowMs = 0;
    const quick = createRedisTier(
      { url: server.url, namespace: 'sluice', timeoutMs: 10 },
      { log: () => undefined, now: () => nowMs },
    );
    await until(() => quick.stats().isConnected);
    server.process.kill('SIGSTOP');
    const askTenTimes = async (): Promise<unknown> =>
      Promise.all(Array.from({ length: 10 }, async () => quick.read('any')));
    for (let failure = 0; failure < 5; failure++) await quick.read('any');
    await askTenTimes();
    nowMs = 999;
    await askTenTimes();
    expect(quick.stats().failures).toBe(5);
    nowMs = 1000;
    await askTenTimes();
    expect(quick.stats().failures).toBe(6);
    server.process.kill('SIGCONT');
    await quick.close();
  });

  it('is frozen, a revocation arrives all the same', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    await control.resolveKind(grants, client.token);
    server.process.kill('SIGSTOP');
    await control.setRevoked(database.sql, client, true);
    await until(() => grants.peek(client.token) === null);
    expect(await control.resolveKind(grants, client.token)).toBe('revoked');
    server.process.kill('SIGCONT');
  });
});
