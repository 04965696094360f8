/** A session of everything, and then a search for every secret that was in it. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  sendPageview,
  startInstance,
  type Answer,
  type Instance,
} from '../setup/administration.ts';

let instance: Instance;
let redis: Redis;
const secrets = new Map<string, string>();
const refusals: string[] = [];

beforeAll(async () => {
  redis = new Redis(inject('redisUrl'));
  instance = await startInstance({ REDIS_URL: inject('redisUrl'), SLUICE_REDIS_TIMEOUT: '1s' });
});
afterAll(async () => {
  redis.disconnect();
  await instance.close();
});

async function send(request: string, sent: Parameters<typeof ask>[2]): Promise<Answer> {
  const answer = await ask(instance.base, request, sent);
  if (answer.status >= 400) refusals.push(answer.text, JSON.stringify([...answer.headers]));
  return answer;
}

async function playEverything(): Promise<void> {
  const owner = await createPerson(instance.sql);
  const root = await createPerson(instance.sql, 'owner');
  const { cookie } = owner;
  secrets.set('session', cookie.replace('hk_token=', ''));
  const password = randomBytes(12).toString('hex');
  secrets.set('password', password);
  await send('POST /api/users', { cookie: root.cookie, body: { email: 'secret@example.com', password } });
  const wrong = randomBytes(12).toString('hex');
  secrets.set('wrong password', wrong);
  await send('POST /api/auth/login', { body: { email: 'secret@example.com', password: wrong } });
  const signedIn = await send('POST /api/auth/login', { body: { email: 'secret@example.com', password } });
  secrets.set('cookie', /hk_token=([^;]+)/.exec(signedIn.headers.get('set-cookie') ?? '')?.[1] ?? '');
  const teamId = await createTeamOf(instance.sql, owner);
  const site = await addSite(instance.sql, teamId);
  const list = `/api/user/teams/${teamId}/api-clients`;
  const roles = { site_roles: [{ site_id: site.id, role: 'admin' }] };
  const idempotencyKey = randomBytes(12).toString('hex');
  secrets.set('idempotency key', idempotencyKey);
  const headers = { 'Idempotency-Key': idempotencyKey };
  const made = (await send(`POST ${list}`, { cookie, body: { name: 'x', ...roles }, headers })).body as {
    client: { id: string };
    token: string;
  };
  secrets.set('token', made.token);
  await sendPageview(instance.base, made.token, site.domain);
  const one = `${list}/${made.client.id}`;
  const rolled = await send(`POST ${one}/rotate`, { cookie, body: { grace_seconds: 60 } });
  const { token } = rolled.body as { token: string };
  secrets.set('rolled token', token);
  await sendPageview(instance.base, token, site.domain);
  await sendPageview(instance.base, made.token, site.domain);
  const key = await send('POST /v1/api-keys', { cookie, body: { name: 'k', scope: 'read-write' } });
  const { key: bearer } = (key.body as { data: { key: string } }).data;
  secrets.set('key', bearer);
  await send('GET /v1/api-keys', { token: bearer });
  // Secrets in places where they do not belong.
  await send(`POST ${list}`, { cookie, body: `{"name":"${token}` });
  await send(`POST ${list}`, { cookie, body: { name: 'x', [token]: 1 } });
  await send(`POST ${list}`, {
    cookie,
    body: { name: 'x', instance_role: token, site_roles: [{ site_id: token, role: token }] },
  });
  await send('GET /api/user', {
    token,
    headers: { 'X-Request-Id': 'x', 'Sec-Fetch-Site': token, Origin: token },
  });
  await send('POST /api/ingest/server/pageview', { token, body: { url: token, timestamp: token } });
  await send(`GET ${list}?cursor=${token}&state=${token}`, { cookie });
  await send('POST /api/auth/login', { body: { email: token, password: token } });
  await send('POST /api/tokens/revoke-leaked', { body: { tokens: [token, token.slice(1)] } });
  await send('POST /api/tokens/github-secret-scanning', { body: [{ token, type: 'x' }] });
  await sendPageview(instance.base, token, site.domain);
  await send(`DELETE ${one}`, { cookie });
}

async function readDatabase(): Promise<string> {
  const tables = await instance.sql<{ name: string }[]>`
    SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')`;
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await instance.sql.unsafe<{ text: string }[]>(`SELECT t::text AS text FROM ${name} t`);
    texts.push(...rows.map((row) => row.text));
  }
  return texts.join('\n');
}

async function readRedis(): Promise<string> {
  const [row] = await instance.sql<{ id: string }[]>`SELECT id FROM instance`;
  const keys = await redis.keys(`sluice:${row?.id}:*`);
  expect(keys.length).toBeGreaterThan(0);
  const values = await Promise.all(keys.map((key) => redis.get(key)));
  return [...keys, ...values].join('\n');
}

it('no token, password, cookie or idempotency key is in a log line, a row, a key of Redis or an error', async () => {
  const heard: string[] = [];
  const listener = new Redis(inject('redisUrl'));
  await listener.psubscribe('sluice:*');
  listener.on('pmessage', (_pattern, _channel, text: string) => heard.push(text));
  await playEverything();
  const places = {
    log: instance.lines.join('\n'),
    statistics: JSON.stringify(instance.gateway.stats()),
    database: await readDatabase(),
    redis: await readRedis(),
    channel: heard.join('\n'),
    errors: refusals.join('\n'),
  };
  listener.disconnect();
  expect([...secrets.values()].filter((secret) => secret.length < 20)).toEqual([]);
  expect(refusals.length).toBeGreaterThan(10);
  const found = Object.entries(places).flatMap(([place, text]) =>
    [...secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => `${name} in ${place}`),
  );
  expect(found).toEqual([]);
});
