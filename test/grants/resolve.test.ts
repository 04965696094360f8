import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { createRedisTier, type RedisTier } from '../../src/grants/redis.ts';
import type { Grants, GrantDeps } from '../../src/grants/resolve.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import * as control from './control.ts';
import { until } from './control.ts';

let database: TestDatabase;
const fleet = control.createFleet();

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => {
  await fleet.closeAll();
});
afterAll(async () => {
  await database.close();
});

describe('what somebody else has written into Redis', () => {
  const good = { clientId: randomUUID(), expiresAtMs: null, roles: [], limits: null };
  const garbage: readonly (readonly [name: string, text: string])[] = [
    ['no entry', 'hello'],
    ['no JSON', '9 9 {nonsense}'],
    ['an empty object', '9 9 {}'],
    ['a client that is no UUID', `9 9 ${JSON.stringify({ ...good, clientId: 'x' })}`],
    ['an expiry that is no number', `9 9 ${JSON.stringify({ ...good, expiresAtMs: 'soon' })}`],
    ['roles that are no list', `9 9 ${JSON.stringify({ ...good, roles: { x: 'owner' } })}`],
    [
      'a role that there is not',
      `9 9 ${JSON.stringify({ ...good, roles: [[randomUUID(), 'king', 'king']] })}`,
    ],
    ['limits that are none', `9 9 ${JSON.stringify({ ...good, limits: { requestsPerSecond: 'x' } })}`],
    ['numbers beyond any', `${'9'.repeat(400)} ${'9'.repeat(400)} ${JSON.stringify(good)}`],
  ];

  it.each(garbage)('%s, is passed over: Postgres is asked', async (_, text) => {
    const namespace = 'sluice-garbage';
    const redis = createRedisTier(
      { url: inject('redisUrl'), namespace, timeoutMs: 1000 },
      { log: () => undefined },
    );
    const raw = new Redis(inject('redisUrl'));
    try {
      await until(() => redis.stats().isConnected);
      const client = await control.insertClient(database.sql, { teamId: null });
      await raw.set(`${namespace}:grant:${client.tokenHash}`, text);
      const grants = await fleet.start({}, { sql: database.sql, redis });
      expect(await grants.resolve(client.token)).toMatchObject({
        kind: 'granted',
        grant: { clientId: client.id, version: 1, limits: null },
      });
    } finally {
      await redis.close();
      raw.disconnect();
    }
  });
});

describe.each([{ tier: 'Postgres alone' }, { tier: 'Redis and Postgres' }])(
  'grants from $tier',
  ({ tier }) => {
    let redis: RedisTier | null = null;

    beforeAll(async () => {
      if (tier === 'Postgres alone') return;
      const connected = createRedisTier(
        { url: inject('redisUrl'), namespace: 'sluice-resolve', timeoutMs: 1000 },
        { log: () => undefined },
      );
      redis = connected;
      await until(() => connected.stats().isConnected);
    });
    afterAll(async () => {
      await redis?.close();
    });

    async function start(deps: Partial<GrantDeps> = {}): Promise<Grants> {
      return fleet.start({}, { sql: database.sql, redis, ...deps });
    }

    it('are looked up once, and come from memory from then on', async () => {
      const { sql } = database;
      const teamId = await control.insertTeam(sql);
      const site = await control.insertSite(sql, teamId);
      const client = await control.insertClient(sql, { teamId }, { [site.id]: 'admin' });
      const grants = await start();
      expect(grants.peek(client.token)).toBeNull();
      const verdict = await grants.resolve(client.token);
      expect(verdict).toMatchObject({
        kind: 'granted',
        grant: { clientId: client.id, version: 1, expiresAtMs: Infinity, isVoid: false },
      });
      if (verdict.kind === 'granted') expect([...verdict.grant.siteRoles]).toEqual([[site.id, 'admin']]);
      expect(grants.peek(client.token)).toBe(verdict);
      expect(await grants.resolve(client.token)).toBe(verdict);
      expect(grants.stats()).toMatchObject({ lookups: 1, misses: 1, hits: 2, cached: 1 });
    });

    it('share one look-up when a hundred requests ask at once', async () => {
      const client = await control.insertClient(database.sql, { teamId: null });
      const grants = await start();
      const kinds = await Promise.all(
        Array.from({ length: 100 }, () => control.resolveKind(grants, client.token)),
      );
      expect(new Set(kinds)).toEqual(new Set(['granted']));
      expect(grants.stats().lookups).toBe(1);
    });

    it('know for five seconds that a token is unknown', async () => {
      let offsetMs = 0;
      const grants = await start({ now: () => performance.now() + offsetMs });
      const token = randomBytes(32).toString('hex');
      expect(await control.resolveKind(grants, token)).toBe('unknown');
      expect(grants.peek(token)).toEqual({ kind: 'denied', reason: 'unknown' });
      expect(grants.stats()).toMatchObject({ lookups: 1, negativeHits: 1, cachedNegatives: 1 });
      offsetMs = 5001;
      expect(grants.peek(token)).toBeNull();
    });

    it('refuse a token with a wrong checksum without a look-up', async () => {
      const grants = await start();
      const token = control.newToken();
      const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
      expect(grants.peek(wrong)).toEqual({ kind: 'denied', reason: 'malformed' });
      expect(await control.resolveKind(grants, wrong)).toBe('malformed');
      expect(await control.resolveKind(grants, 'x'.repeat(1_000_000))).toBe('malformed');
      expect(grants.stats().lookups).toBe(0);
    });

    it('end at the moment that the client expires, cached or not', async () => {
      const expiresAt = new Date(Date.now() + 3_600_000);
      const client = await control.insertClient(database.sql, { teamId: null, expiresAt });
      let wallNowMs = expiresAt.getTime() - 1;
      const grants = await start({ wallNow: () => wallNowMs });
      expect(await control.resolveKind(grants, client.token)).toBe('granted');
      wallNowMs = expiresAt.getTime();
      expect(grants.peek(client.token)).toEqual({ kind: 'denied', reason: 'expired' });
      const other = await start({ wallNow: () => wallNowMs });
      expect(await control.resolveKind(other, client.token)).toBe('expired');
    });

    it('end on every gateway when the client is revoked, and live again when that is taken back', async () => {
      const client = await control.insertClient(database.sql, { teamId: null });
      const gateways = await Promise.all([start(), start()]);
      const held = await Promise.all(gateways.map(async (grants) => grants.resolve(client.token)));
      expect(held.map((verdict) => verdict.kind)).toEqual(['granted', 'granted']);
      await control.setRevoked(database.sql, client, true);
      for (const grants of gateways) await until(() => grants.peek(client.token)?.kind !== 'granted');
      for (const grants of gateways) expect(await control.resolveKind(grants, client.token)).toBe('revoked');
      expect(held.map((verdict) => verdict.kind === 'granted' && verdict.grant.isVoid)).toEqual([true, true]);
      await control.setRevoked(database.sql, client, false);
      for (const grants of gateways) await until(() => grants.peek(client.token) === null);
      for (const grants of gateways) expect(await control.resolveKind(grants, client.token)).toBe('granted');
    });

    it('are seen as soon as a client is created, though its token was unknown a moment ago', async () => {
      const token = control.newToken();
      const nowMs = performance.now();
      const grants = await start({ now: () => nowMs });
      expect(await control.resolveKind(grants, token)).toBe('unknown');
      const client = await control.insertClient(database.sql, { teamId: null, token });
      await control.changeClient(database.sql, client, async () => undefined);
      await until(() => grants.peek(token) === null);
      expect(await control.resolveKind(grants, token)).toBe('granted');
    });

    it('follow a change of roles, and void the object that held the old ones', async () => {
      const { sql } = database;
      const teamId = await control.insertTeam(sql);
      const site = await control.insertSite(sql, teamId);
      const client = await control.insertClient(sql, { teamId }, { [site.id]: 'owner' });
      const grants = await start();
      const before = await grants.resolve(client.token);
      await control.changeClient(
        sql,
        client,
        (tx) => tx`UPDATE api_client_site_roles SET role = 'viewer' WHERE api_client_id = ${client.id}`,
      );
      await until(() => grants.peek(client.token) === null);
      const after = await grants.resolve(client.token);
      expect(before.kind === 'granted' && before.grant.isVoid).toBe(true);
      expect(after.kind === 'granted' && after.grant.siteRoles.get(site.id)).toBe('viewer');
      expect(after.kind === 'granted' && after.grant.isVoid).toBe(false);
    });

    it('are refused to clients of an archived team', async () => {
      const teamId = await control.insertTeam(database.sql);
      const client = await control.insertClient(database.sql, { teamId });
      await database.sql`UPDATE tenants SET archived_at = now() WHERE id = ${teamId}`;
      expect(await control.resolveKind(await start(), client.token)).toBe('revoked');
    });

    it('of a team reach only sites that are the team’s now; those of a person reach all', async () => {
      const { sql } = database;
      const teamId = await control.insertTeam(sql);
      const foreign = await control.insertSite(sql, await control.insertTeam(sql));
      const roles = { [foreign.id]: 'owner' } as const;
      const grants = await start();
      const ofTeam = await grants.resolve((await control.insertClient(sql, { teamId }, roles)).token);
      const ofPerson = await grants.resolve((await control.insertClient(sql, { teamId: null }, roles)).token);
      expect(ofTeam.kind === 'granted' && ofTeam.grant.siteRoles.size).toBe(0);
      expect(ofPerson.kind === 'granted' && ofPerson.grant.siteRoles.get(foreign.id)).toBe('owner');
    });

    it('are read again after a minute while they go on being used, and see what nobody announced', async () => {
      const { sql } = database;
      const teamId = await control.insertTeam(sql);
      const site = await control.insertSite(sql, teamId);
      const client = await control.insertClient(sql, { teamId }, { [site.id]: 'owner' });
      let offsetMs = 0;
      const grants = await start({ now: () => performance.now() + offsetMs });
      const before = await grants.resolve(client.token);
      offsetMs += 61_000;
      await until(() => grants.stats().feedAgeMs < 30_000);
      expect(grants.peek(client.token)).toBe(before);
      await until(() => grants.stats().lookups === 2);
      expect(await grants.resolve(client.token)).toBe(before);
      await sql`UPDATE api_client_site_roles SET role = 'viewer' WHERE api_client_id = ${client.id}`;
      offsetMs += 61_000;
      await until(() => grants.stats().feedAgeMs < 30_000 && grants.peek(client.token) !== before);
      const after = await grants.resolve(client.token);
      expect(after.kind === 'granted' && after.grant.siteRoles.get(site.id)).toBe('viewer');
      await sql`DELETE FROM api_clients WHERE id = ${client.id}`;
      offsetMs += 61_000;
      await until(() => grants.stats().feedAgeMs < 30_000 && grants.peek(client.token)?.kind === 'denied');
      offsetMs += 5001;
      expect(await control.resolveKind(grants, client.token)).toBe('unknown');
    });

    it('are read again one after the other when many are due at once', async () => {
      const { sql } = database;
      const teamId = await control.insertTeam(sql);
      const clients = await Promise.all([1, 2, 3, 4, 5].map(() => control.insertClient(sql, { teamId })));
      let nowMs = performance.now();
      const grants = await start({ now: () => nowMs });
      for (const { token } of clients) await grants.resolve(token);
      nowMs += 61_000;
      await until(() => grants.stats().feedAgeMs < 30_000);
      const readAgain = (): number => {
        const before = grants.stats().misses;
        for (const { token } of clients) expect(grants.peek(token)?.kind).toBe('granted');
        return grants.stats().misses - before;
      };
      expect(readAgain()).toBe(1);
      expect(readAgain()).toBe(0);
      nowMs += 2;
      expect(readAgain()).toBe(1);
    });

    it('never show a token in a log or in the statistics', async () => {
      const client = await control.insertClient(database.sql, { teamId: null });
      const broken = openTestPool('postgres://nobody:secret@127.0.0.1:1/none');
      const grants = await start();
      const lost = await start({ sql: broken });
      await grants.resolve(client.token);
      const doubt = await lost.resolve(client.token);
      const seen = JSON.stringify([fleet.lines, grants.stats(), lost.stats(), doubt]);
      expect(doubt.kind).toBe('doubt');
      expect(seen).not.toContain(client.token);
      expect(seen).not.toContain(client.tokenHash);
      expect(seen).not.toContain('secret');
      await lost.close();
      await broken.end({ timeout: 0 });
    });
  },
);

describe('sites', () => {
  it('are found by domain, once', async () => {
    const site = await control.insertSite(database.sql, await control.insertTeam(database.sql));
    const grants = await fleet.start({}, { sql: database.sql });
    expect(grants.peekSite(site.domain)).toBeNull();
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => grants.resolveSite(site.domain)));
    expect(new Set(verdicts).size).toBe(1);
    expect(grants.peekSite(site.domain)).toEqual({ kind: 'site', siteId: site.id });
    expect(grants.stats().siteLookups).toBe(1);
  });

  it('are unknown when their team is archived, and when the name is longer than a name can be', async () => {
    const teamId = await control.insertTeam(database.sql);
    const site = await control.insertSite(database.sql, teamId);
    await database.sql`UPDATE tenants SET archived_at = now() WHERE id = ${teamId}`;
    const grants = await fleet.start({}, { sql: database.sql });
    expect(await grants.resolveSite(site.domain)).toEqual({ kind: 'unknown' });
    expect(grants.peekSite('x'.repeat(254))).toEqual({ kind: 'unknown' });
  });

  it('show when they are new, though the domain was unknown a moment ago', async () => {
    const now = performance.now();
    const grants = await fleet.start({}, { sql: database.sql, now: () => now });
    const teamId = await control.insertTeam(database.sql);
    expect(await grants.resolveSite('new.example')).toEqual({ kind: 'unknown' });
    expect(grants.peekSite('new.example')).toEqual({ kind: 'unknown' });
    await database.sql`
      INSERT INTO sites (id, tenant_id, domain) VALUES (gen_random_uuid(), ${teamId}, 'new.example')`;
    await control.announceSite(database.sql, 'new.example');
    await until(() => grants.peekSite('new.example') === null);
    expect((await grants.resolveSite('new.example')).kind).toBe('site');
  });

  it('show after half a second even when nobody announced them', async () => {
    let offsetMs = 0;
    const start = performance.now();
    const grants = await fleet.start({}, { sql: database.sql, now: () => start + offsetMs });
    expect((await grants.resolveSite('silent.example')).kind).toBe('unknown');
    offsetMs = 499;
    expect(grants.peekSite('silent.example')).not.toBeNull();
    offsetMs = 500;
    expect(grants.peekSite('silent.example')).toBeNull();
  });

  it('are forgotten when they are announced as changed', async () => {
    const site = await control.insertSite(database.sql, await control.insertTeam(database.sql));
    const grants = await fleet.start({}, { sql: database.sql });
    await grants.resolveSite(site.domain);
    await database.sql`DELETE FROM sites WHERE id = ${site.id}`;
    await control.announceSite(database.sql, site.domain);
    await until(() => grants.peekSite(site.domain)?.kind !== 'site');
    expect((await grants.resolveSite(site.domain)).kind).toBe('unknown');
  });
});
