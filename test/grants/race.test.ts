import { createMeter } from '../../src/grants/limit.ts';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Grant } from '../../src/grants/grant.ts';
import { publishRevocation } from '../../src/grants/revocation/publish.ts';
import { createRedisTier, type RedisTier } from '../../src/grants/redis.ts';
import { hashToken } from '../../src/grants/token.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import * as control from './control.ts';
import { until } from './control.ts';
import { createProxy, readPort, throughProxy, type Proxy } from './proxy.ts';

let database: TestDatabase;
let redis: RedisTier;
/** Looks at what Redis holds, as nobody else does. */
let inspector: Redis;
let proxy: Proxy;
/** The pool of a gateway whose questions are answered late. */
let slowSql: Sql;
const fleet = control.createFleet();

beforeAll(async () => {
  database = await createDatabase();
  redis = createRedisTier(
    { url: inject('redisUrl'), namespace: 'sluice', timeoutMs: 1000 },
    { log: () => undefined },
  );
  inspector = new Redis(inject('redisUrl'));
  await until(() => redis.stats().isConnected);
});
beforeEach(async () => {
  proxy = await createProxy(readPort(database.url));
  slowSql = openTestPool(throughProxy(database.url, proxy));
});
afterEach(async () => {
  await fleet.closeAll();
  await slowSql.end({ timeout: 0 });
  await proxy.close();
});
afterAll(async () => {
  await redis.close();
  inspector.disconnect();
  await database.close();
});

async function readKey(tokenHash: string): Promise<string | null> {
  return inspector.get(`sluice:grant:${tokenHash}`);
}

describe('a slow reader in this process', () => {
  it('does not bring back a grant that was revoked while it read', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const slow = await fleet.start({}, { sql: slowSql });
    proxy.holdAnswersTo(client.tokenHash);
    const answer = control.resolveKind(slow, client.token);
    await proxy.held;
    const sequence = await control.setRevoked(database.sql, client, true);
    await until(() => slow.stats().lastSequence === sequence);
    proxy.releaseAnswers();
    expect(await answer).toBe('revoked');
    expect(slow.stats()).toMatchObject({ lookups: 2, cached: 0 });
  });

  it('does not bring back that a token is unknown when it was created while it read', async () => {
    const token = control.newToken();
    const slow = await fleet.start({}, { sql: slowSql });
    proxy.holdAnswersTo(hashToken(token));
    const answer = control.resolveKind(slow, token);
    await proxy.held;
    const client = await control.insertClient(database.sql, { teamId: null, token });
    const sequence = await control.changeClient(database.sql, client, async () => undefined);
    await until(() => slow.stats().lastSequence === sequence);
    proxy.releaseAnswers();
    expect(await answer).toBe('granted');
    expect(slow.stats()).toMatchObject({ lookups: 2, cachedNegatives: 0 });
  });

  it('does not bring back that a domain is unknown when its site was created while it read', async () => {
    const slow = await fleet.start({}, { sql: slowSql });
    proxy.holdAnswersTo('race.example');
    const answer = slow.resolveSite('race.example');
    await proxy.held;
    const teamId = await control.insertTeam(database.sql);
    await database.sql`
      INSERT INTO sites (id, tenant_id, domain) VALUES (gen_random_uuid(), ${teamId}, 'race.example')`;
    await control.announceSite(database.sql, 'race.example');
    await until(() => slow.stats().lastSequence !== null && slow.peekSite('race.example') === null);
    const [log] = await database.sql<{ seq: number }[]>`SELECT max(seq)::int AS seq FROM revocation_log`;
    await until(() => slow.stats().lastSequence === log?.seq);
    proxy.releaseAnswers();
    expect((await answer).kind).toBe('site');
    expect(slow.stats().siteLookups).toBe(2);
  });
});

describe('a row of Postgres', () => {
  it('that is older than what was announced is doubt: it may be a replica that lags behind', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const grants = await fleet.start({}, { sql: database.sql });
    await database.sql.begin((tx) =>
      publishRevocation(tx, { kind: 'client', subject: client.tokenHash, version: 2 }),
    );
    const [log] = await database.sql<{ seq: number }[]>`SELECT max(seq)::int AS seq FROM revocation_log`;
    await until(() => grants.stats().lastSequence === log?.seq);
    expect(await control.resolveKind(grants, client.token)).toBe('doubt');
    expect(grants.stats()).toMatchObject({ cached: 0, doubts: 1 });
  });
});

describe('a slow reader in another process', () => {
  it('cannot fill a revoked grant into Redis again, not even when it is cut off from the log', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const slow = await fleet.start({}, { sql: slowSql, redis });
    const quick = await fleet.start({}, { sql: database.sql, redis });
    proxy.holdAnswersTo(client.tokenHash);
    const answer = control.resolveKind(slow, client.token);
    await proxy.held;
    proxy.holdAll();
    const sequence = await control.setRevoked(database.sql, client, true);
    await until(() => quick.stats().lastSequence === sequence);
    await until(async () => (await readKey(client.tokenHash)) === `2 ${sequence} `);
    proxy.releaseAnswers();
    // It cannot know yet; it is the bound of belief that limits this.
    expect(await answer).toBe('granted');
    // Commands of one connection are done in order: after this one its fill was done.
    await redis.read(client.tokenHash);
    expect(await readKey(client.tokenHash)).toBe(`2 ${sequence} `);
    const fresh = await fleet.start({}, { sql: database.sql, redis });
    expect(await control.resolveKind(fresh, client.token)).toBe('revoked');
    proxy.releaseAll();
    await until(() => slow.peek(client.token)?.kind !== 'granted');
    expect(await control.resolveKind(slow, client.token)).toBe('revoked');
  });
});

describe('an entry in Redis', () => {
  it('spares other gateways their question to Postgres', async () => {
    const teamId = await control.insertTeam(database.sql);
    const site = await control.insertSite(database.sql, teamId);
    const expiresAt = new Date(Date.now() + 3_600_000);
    const client = await control.insertClient(database.sql, { teamId, expiresAt }, { [site.id]: 'editor' });
    const [one, other] = [
      await fleet.start({}, { sql: database.sql, redis }),
      await fleet.start({}, { sql: database.sql, redis }),
    ];
    const read = await one.resolve(client.token);
    await until(async () => (await readKey(client.tokenHash)) !== null);
    const shared = await other.resolve(client.token);
    expect(shared).toEqual(read);
    expect(other.stats()).toMatchObject({ redisHits: 1, lookups: 0 });
    expect(other.peek(client.token)).toBe(shared);
    expect(other.stats()).toMatchObject({ redisHits: 1, lookups: 0 });
  });

  it('is not believed by a gateway that started after a revocation whose tombstone never arrived', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const filler = await fleet.start({}, { sql: database.sql, redis });
    expect(await control.resolveKind(filler, client.token)).toBe('granted');
    await until(async () => (await readKey(client.tokenHash)) !== null);
    await filler.close();
    await control.setRevoked(database.sql, client, true);
    const late = await fleet.start({}, { sql: database.sql, redis });
    expect(await readKey(client.tokenHash)).toMatch(/^1 \d+ \{/);
    expect(await control.resolveKind(late, client.token)).toBe('revoked');
    expect(late.stats()).toMatchObject({ redisHits: 0, lookups: 1 });
  });

  it('is not believed by a gateway that saw the revocation, though Redis has gone back in time', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    const grants = await fleet.start({}, { sql: database.sql, redis });
    expect(await control.resolveKind(grants, client.token)).toBe('granted');
    await until(async () => (await readKey(client.tokenHash)) !== null);
    const entry = (await readKey(client.tokenHash)) ?? '';
    await control.setRevoked(database.sql, client, true);
    await until(async () => (await readKey(client.tokenHash)) !== entry);
    await inspector.set(`sluice:grant:${client.tokenHash}`, entry);
    expect(await control.resolveKind(grants, client.token)).toBe('revoked');
    expect(grants.stats().redisHits).toBe(0);
  });

  it('is not believed by a gateway that has not read the log for longer than the bound', async () => {
    const client = await control.insertClient(database.sql, { teamId: null });
    let offsetMs = 0;
    const now = (): number => performance.now() + offsetMs;
    const lost = await fleet.start({ staleMaxMs: 3_600_000 }, { sql: slowSql, redis, now });
    const filler = await fleet.start({}, { sql: database.sql, redis });
    expect(await control.resolveKind(filler, client.token)).toBe('granted');
    await until(async () => (await readKey(client.tokenHash)) !== null);
    proxy.cut();
    await until(() => fleet.lines.some((line) => line.includes('cannot be read')));
    offsetMs = 3_600_001;
    expect(await control.resolveKind(lost, client.token)).toBe('doubt');
    offsetMs = 0;
    expect(await control.resolveKind(lost, client.token)).toBe('granted');
    expect(lost.stats()).toMatchObject({ redisHits: 1, lookups: 1 });
  });

  it.each(['', 'nonsense', '1 1 {', '1 1 []', '9 9 {"clientId":7}', '1 1 {"clientId":"a","siteRoles":5}'])(
    'that reads %j is no entry, and may be replaced',
    async (text) => {
      const client = await control.insertClient(database.sql, { teamId: null });
      await inspector.set(`sluice:grant:${client.tokenHash}`, text);
      const grants = await fleet.start({}, { sql: database.sql, redis });
      expect(await control.resolveKind(grants, client.token)).toBe('granted');
      expect(grants.stats()).toMatchObject({ redisHits: 0, lookups: 1 });
    },
  );

  it('lives for ten minutes, a tombstone for fifteen', async () => {
    const grant = makeGrant(1);
    redis.fill(grant, 1);
    redis.revoke(hashToken('other'), 1, 1);
    await redis.read(grant.tokenHash);
    const lifeMs = await inspector.pttl(`sluice:grant:${grant.tokenHash}`);
    const tombstoneMs = await inspector.pttl(`sluice:grant:${hashToken('other')}`);
    expect(lifeMs).toBeGreaterThan(0);
    expect(lifeMs).toBeLessThanOrEqual(600_000);
    expect(tombstoneMs).toBeGreaterThan(600_000);
    expect(tombstoneMs).toBeLessThanOrEqual(900_000);
  });

  // Versions and sequences of what is there and of what comes; T is a tombstone.
  it.each([
    ['T2.5', 'E1.9', 'T2.5'],
    ['T2.5', 'E2.4', 'T2.5'],
    ['T2.5', 'E2.5', 'E2.5'],
    ['T2.5', 'E3.1', 'E3.1'],
    ['E2.5', 'E1.9', 'E2.5'],
    ['E2.5', 'E2.4', 'E2.5'],
    ['E2.5', 'E2.6', 'E2.6'],
    ['E2.5', 'T2.5', 'E2.5'],
    ['E2.5', 'T2.6', 'T2.6'],
    ['E2.5', 'T1.9', 'E2.5'],
    ['E2.5', 'T3.1', 'T3.1'],
    ['T2.5', 'T1.9', 'T2.5'],
    ['E9.5', 'E10.5', 'E10.5'],
  ])('%s, when %s comes, is %s then', async (held, coming, expected) => {
    await inspector.del(`sluice:grant:${makeGrant(1).tokenHash}`);
    write(held);
    write(coming);
    await redis.read(makeGrant(1).tokenHash);
    const [version, sequence, content] = ((await readKey(makeGrant(1).tokenHash)) ?? '').split(' ');
    expect(`${content === '' ? 'T' : 'E'}${version}.${sequence}`).toBe(expected);
  });
});

function write(entry: string): void {
  const [version = 0, sequence = 0] = entry.slice(1).split('.').map(Number);
  if (entry.startsWith('T')) redis.revoke(makeGrant(version).tokenHash, version, sequence);
  else redis.fill(makeGrant(version), sequence);
}

function makeGrant(version: number): Grant {
  return {
    clientId: 'client',
    tokenHash: hashToken('held'),
    version,
    expiresAtMs: Infinity,
    siteRoles: new Map(),
    currentRoles: new Map(),
    limits: null,
    meter: createMeter(),
    isVoid: false,
  };
}
