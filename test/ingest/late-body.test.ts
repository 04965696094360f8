import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  startInstance,
  type Instance,
} from '../setup/administration.ts';

let instance: Instance;
let cookie: string;
let list: string;
let site: { id: string; domain: string };

beforeAll(async () => {
  instance = await startInstance();
  const owner = await createPerson(instance.sql);
  cookie = owner.cookie;
  const teamId = await createTeamOf(instance.sql, owner);
  site = await addSite(instance.sql, teamId);
  list = `/api/user/teams/${teamId}/api-clients`;
});
afterAll(async () => {
  await instance.close();
});

/** Sends half of a pageview's body, waits for `between`, sends the rest; returns the status. */
async function sendInHalves(token: string, between: () => Promise<unknown>): Promise<number> {
  const body = JSON.stringify({
    url: `https://${site.domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  });
  const half = Math.floor(body.length / 2);
  const socket = connect(Number(new URL(instance.base).port), '127.0.0.1');
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString()));
    socket.once('error', reject);
  });
  socket.write(
    `POST /api/ingest/server/pageview HTTP/1.1\r\nHost: sluice\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body.slice(0, half)}`,
  );
  // The head and the first half are there before the token changes.
  await sleep(100);
  await between();
  socket.write(body.slice(half));
  const text = await answer;
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}

async function makeClient(): Promise<{ id: string; token: string }> {
  const made = await ask(instance.base, `POST ${list}`, {
    cookie,
    body: { name: 'slow', site_roles: [{ site_id: site.id, role: 'admin' }] },
  });
  const { client, token } = made.body as { client: { id: string }; token: string };
  return { id: client.id, token };
}

describe('a record whose body arrives late', () => {
  it('is taken when its token is still good', async () => {
    const { token } = await makeClient();
    expect(await sendInHalves(token, async () => undefined)).toBe(202);
  });

  it('is refused when its token was rolled meanwhile, and makes no row', async () => {
    const { id, token } = await makeClient();
    // In memory, as a token in use is.
    expect(await sendInHalves(token, async () => undefined)).toBe(202);
    const roll = (): Promise<unknown> => ask(instance.base, `POST ${list}/${id}/rotate`, { cookie });
    expect(await sendInHalves(token, roll)).toBe(401);
    await expect
      .poll(async () => (await instance.sql`SELECT FROM hits WHERE client_id = ${id}`).length, {
        timeout: 20_000,
      })
      .toBe(1);
  });

  it('is refused when its client was deleted meanwhile', async () => {
    const { id, token } = await makeClient();
    const remove = (): Promise<unknown> => ask(instance.base, `DELETE ${list}/${id}`, { cookie });
    expect(await sendInHalves(token, remove)).toBe(401);
  });
});
