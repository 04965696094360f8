import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProxy, readPort, throughProxy, type Proxy } from '../grants/proxy.ts';
import { ask, createPerson, startInstance, type Instance, type Person } from '../setup/administration.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';

let database: TestDatabase;
let person: Person;

beforeAll(async () => {
  database = await createDatabase();
  person = await createPerson(database.sql);
});
afterAll(async () => {
  await database.close();
});

async function statuses(instance: Instance, port: number | null): Promise<number[]> {
  const base = `http://127.0.0.1:${port ?? 0}`;
  const { cookie } = person;
  const answers = await Promise.all([
    ask(base, 'GET /api/user', { cookie }),
    ask(base, 'POST /api/ingest/server/pageview', { body: {} }),
    ask(base, 'GET /healthz', {}),
  ]);
  expect(instance.gateway.port).toBeGreaterThan(0);
  return answers.map(({ status }) => status);
}

describe('the administration', () => {
  it('is served beside the records', async () => {
    const instance = await startInstance({}, database);
    expect(instance.gateway.adminPort).toBeNull();
    expect(await statuses(instance, instance.gateway.port)).toEqual([200, 401, 200]);
    await instance.close();
  });

  it('or on a port of its own', async () => {
    const instance = await startInstance({ SLUICE_ADMIN_PORT: '0' }, database);
    expect(await statuses(instance, instance.gateway.port)).toEqual([404, 401, 200]);
    expect(await statuses(instance, instance.gateway.adminPort)).toEqual([200, 404, 404]);
    await instance.close();
  });

  it('or not at all', async () => {
    const instance = await startInstance({ SLUICE_ADMIN_PORT: 'off' }, database);
    expect(instance.gateway.adminPort).toBeNull();
    expect(await statuses(instance, instance.gateway.port)).toEqual([404, 401, 200]);
    await instance.close();
  });
});

describe('without Postgres', () => {
  it('the administration answers 503, and goes on when it is back', async () => {
    const proxy: Proxy = await createProxy(readPort(database.url));
    const instance = await startInstance({ DATABASE_URL: throughProxy(database.url, proxy) }, database);
    const { cookie } = person;
    const read = () => ask(instance.base, 'GET /api/user/api-clients', { cookie });
    expect((await read()).status).toBe(200);
    proxy.cut();
    await sleep(50);
    const away = await read();
    expect(away.body).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect(away.headers.get('retry-after')).toBe('5');
    // Doubt, and never 'wrong': nobody is told that a good cookie, key or password is none.
    for (const request of ['GET /v1/api-keys', 'POST /api/auth/login', 'POST /api/tokens/revoke-leaked']) {
      const body = request.includes('login') ? { email: 'a@example.com', password: 'x' } : { tokens: ['x'] };
      const answer = await ask(instance.base, request, {
        token: randomBytes(32).toString('hex'),
        ...(request.startsWith('GET') ? {} : { body }),
      });
      expect(answer.status).toBe(503);
    }
    proxy.mend();
    await expect.poll(async () => (await read()).status, { timeout: 20_000 }).toBe(200);
    await instance.close();
    await proxy.close();
  });
});
