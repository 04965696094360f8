/** Clients over their limits, and addresses with unknown tokens: told to wait, and nobody else is. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken } from '../../src/grants/token.ts';
import { ask, createPerson, startInstance, type Answer, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

let instance: Instance;
let admin: { cookie: string };
let plain: { cookie: string };

beforeAll(async () => {
  instance = await startInstance({ SLUICE_UNKNOWN_TOKENS: '20', SLUICE_TRUSTED_PROXIES: '127.0.0.0/8' });
  admin = await createPerson(instance.sql, 'admin');
  plain = await createPerson(instance.sql);
});
afterAll(() => instance.close());

const makeSite = (): Promise<DemoSite> => createDemoSite(instance.sql, `${randomUUID()}.example.com`);

function visit(site: DemoSite, more: object = {}): object {
  return {
    url: `https://${site.domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
    ...more,
  };
}

const send = (site: DemoSite, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(instance.base, 'POST /api/ingest/server/pageview', { token: site.token, body, headers });

const limit = (site: DemoSite, body: object, cookie = admin.cookie): Promise<Answer> =>
  ask(instance.base, `PUT /api/api-clients/${site.clientId}/limits`, { cookie, body });

describe('a client with limits', () => {
  it('sends its burst, is then told how long to wait, and that is all that is stored', async () => {
    const site = await makeSite();
    const limited = await limit(site, { requests_per_second: 1, burst_seconds: 5 });
    expect(limited.body).toMatchObject({
      limits: {
        requests_per_second: 1,
        records_per_second: null,
        bytes_per_second: null,
        burst_seconds: 5,
      },
    });
    const answers: Answer[] = [];
    for (let count = 0; count < 12; count++) answers.push(await send(site, visit(site)));
    const taken = answers.filter((answer) => answer.status === 202).length;
    expect(taken).toBeGreaterThanOrEqual(5);
    expect(taken).toBeLessThan(12);
    const refused = answers.find((answer) => answer.status === 429);
    expect(refused?.body).toMatchObject({ code: 'rate_limited' });
    const seconds = Number(refused?.headers.get('retry-after'));
    expect(seconds).toBe(1);
    expect(refused?.headers.get('ratelimit-policy')).toBe('"requests";q=5;w=5');
    expect(refused?.headers.get('ratelimit')).toBe(`"requests";r=0;t=${seconds}`);
    const stored = (): Promise<unknown> =>
      instance.sql`SELECT FROM hits WHERE site_id = ${site.siteId}`.then((rows) => rows.length);
    await expect.poll(stored, { timeout: 10_000 }).toBe(taken);
  });

  it('over its records or bytes has its next request refused, before a large body is read', async () => {
    const site = await makeSite();
    await limit(site, { records_per_second: 1, burst_seconds: 1 });
    const batch = Array.from({ length: 300 }, () => visit(site));
    expect((await send(site, batch)).body).toMatchObject({ accepted: 300 });
    const next = await send(site, visit(site));
    expect(next.status).toBe(429);
    expect(Number(next.headers.get('retry-after'))).toBeGreaterThan(200);
    const large = await send(site, [visit(site, { pad: 'x'.repeat(2_000_000) })]);
    expect(large.body).toMatchObject({ code: 'rate_limited' });
    const other = await makeSite();
    await limit(other, { bytes_per_second: 100, burst_seconds: 1 });
    expect((await send(other, visit(other))).status).toBe(202);
    expect((await send(other, visit(other))).headers.get('ratelimit-policy')).toBe('"bytes";q=100;w=1');
  });

  it('keeps others free, and is free again when its limits are taken away', async () => {
    const site = await makeSite();
    const other = await makeSite();
    await limit(site, { requests_per_second: 1, burst_seconds: 1 });
    await send(site, visit(site));
    expect((await send(site, visit(site))).status).toBe(429);
    for (let count = 0; count < 20; count++) expect((await send(other, visit(other))).status).toBe(202);
    const freed = await limit(site, {});
    expect(freed.body).not.toHaveProperty('limits');
    for (let count = 0; count < 5; count++) expect((await send(site, visit(site))).status).toBe(202);
  });

  it('is limited by owners and admins of the instance alone, with what makes sense, and it is in the audit log', async () => {
    const site = await makeSite();
    expect((await limit(site, { requests_per_second: 1 }, plain.cookie)).status).toBe(403);
    for (const body of [
      { requests_per_second: 0 },
      { requests_per_second: 1.5 },
      { requests_per_second: '5' },
      { burst_seconds: 0 },
      { requests_per_minute: 5 },
    ])
      expect((await limit(site, body)).status, JSON.stringify(body)).toBe(400);
    const unknown = { ...site, clientId: randomUUID() };
    expect((await limit(unknown, { requests_per_second: 1 })).status).toBe(404);
    await limit(site, { requests_per_second: 7 });
    const entries = await instance.sql`
      SELECT after FROM audit_log WHERE action = 'api_client.limited' AND target_id = ${site.clientId}`;
    expect(entries).toMatchObject([{ after: { limits: { requests_per_second: 7, burst_seconds: 10 } } }]);
  });
});

describe('an address with unknown tokens', () => {
  const tokenOf = (seed: string): string => createToken(createHash('sha256').update(seed).digest());
  const from = (address: string, token: string): Promise<Answer> =>
    ask(instance.base, 'POST /api/ingest/server/pageview', {
      token,
      body: {},
      headers: { 'X-Forwarded-For': address },
    });

  it('is stopped after a while, a good token that is in memory is not, and other addresses are not', async () => {
    const good = await makeSite();
    // The announcement that there is this client has been heard: it would make the gateway forget its grant.
    const [logged] = await instance.sql<{ last: number }[]>`SELECT max(seq)::int AS last FROM revocation_log`;
    const heard = (): number =>
      (instance.gateway.stats() as { grants: { lastSequence: number } }).grants.lastSequence;
    await expect.poll(heard, { timeout: 10_000 }).toBeGreaterThanOrEqual(logged?.last ?? Infinity);
    const goodFrom = (address: string): Promise<Answer> =>
      send(good, visit(good), { 'X-Forwarded-For': address });
    expect((await goodFrom('203.0.113.1')).status).toBe(202);
    const statuses: number[] = [];
    for (let count = 0; count < 60; count++)
      statuses.push((await from('203.0.113.1', tokenOf(`a${count}`))).status);
    expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401));
    expect(statuses.slice(30).every((status) => status === 429)).toBe(true);
    expect((await from('203.0.113.1', tokenOf('a0'))).status).toBe(401);
    const refused = await from('203.0.113.1', tokenOf('b'));
    expect(refused.body).toMatchObject({ code: 'too_many_unknown_tokens' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await goodFrom('203.0.113.1')).status).toBe(202);
    expect((await from('203.0.113.2', tokenOf('c'))).status).toBe(401);
  });
});
