import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUsage } from '../../src/ingest/counting/usage.ts';
import { truncateAddress } from '../../src/http/address.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  startInstance,
  type Person,
} from '../setup/administration.ts';

let database: TestDatabase;
let owner: Person;
let list: string;
let site: { id: string; domain: string };

beforeAll(async () => {
  database = await createDatabase();
  owner = await createPerson(database.sql);
  const teamId = await createTeamOf(database.sql, owner);
  site = await addSite(database.sql, teamId);
  list = `/api/user/teams/${teamId}/api-clients`;
});
afterAll(async () => {
  await database.close();
});

describe('the use of a client', () => {
  it('is shown with what was accepted, refused and there already, by hour, and who used it last', async () => {
    const first = await startInstance({ SLUICE_TRUSTED_PROXIES: '127.0.0.1' }, database);
    const made = await ask(first.base, `POST ${list}`, {
      cookie: owner.cookie,
      body: { name: 'used', site_roles: [{ site_id: site.id, role: 'admin' }] },
    });
    const { client, token } = made.body as { client: { id: string }; token: string };
    const send = (body: object): Promise<{ status: number }> =>
      ask(first.base, 'POST /api/ingest/server/pageview', {
        token,
        headers: { 'X-Forwarded-For': '203.0.113.77', 'User-Agent': 'forwarder/2' },
        body: {
          url: `https://${site.domain}/`,
          visitor_ip: '192.0.2.1',
          user_agent: 'Firefox',
          timestamp: '2026-11-20T00:00:00Z',
          ...body,
        },
      });
    const id = '0b5f6c8e-1c2d-4e3f-8a9b-0c1d2e3f4a5b';
    for (let again = 0; again < 3; again++) expect((await send({ id })).status).toBe(202);
    expect((await send({})).status).toBe(202);
    expect((await send({ url: 'no url' })).status).toBe(400);
    expect((await send({ url: 'https://unknown.example/' })).status).toBe(404);
    // A stop drains the journal and writes the last counts.
    await first.close();
    const second = await startInstance({}, database);
    const usage = await ask(second.base, `GET ${list}/${client.id}/usage`, { cookie: owner.cookie });
    expect(usage.body).toMatchObject({ accepted: 4, rejected: 2, duplicate: 2 });
    const { hours } = usage.body as { hours: { hour: string; accepted: number }[] };
    expect(hours).toHaveLength(24);
    expect(hours.reduce((sum, hour) => sum + hour.accepted, 0)).toBe(4);
    const shown = await ask(second.base, `GET ${list}/${client.id}`, { cookie: owner.cookie });
    expect(shown.body).toMatchObject({
      last_used_at: expect.stringMatching(/Z$/),
      last_used_ip: '203.0.113.0',
      last_used_user_agent: 'forwarder/2',
    });
    // Use is no change: the version, and with it the ETag, stays.
    expect(shown.headers.get('etag')).toBe(made.headers.get('etag'));
    await second.close();
  });

  it('that cannot be written is kept, and that of a client which is gone is let go', async () => {
    const lines: string[] = [];
    const usage = startUsage(
      { flushMs: 20 },
      { sql: database.sql, log: (_, fields) => lines.push(JSON.stringify(fields)) },
    );
    const [client] = await database.sql<{ id: string }[]>`SELECT id FROM api_clients LIMIT 1`;
    const count = async (): Promise<number> => {
      const [row] = await database.sql<{ sum: number }[]>`
        SELECT coalesce(sum(duplicate), 0)::int AS sum FROM api_client_hours WHERE api_client_id = ${client?.id ?? ''}`;
      return row?.sum ?? 0;
    };
    const before = await count();
    await database.sql`ALTER TABLE api_client_hours RENAME TO away`;
    usage.countDuplicates(client?.id ?? '', 5);
    usage.countDuplicates('11111111-2222-4333-8444-555555555555', 5);
    await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(1);
    await database.sql`ALTER TABLE away RENAME TO api_client_hours`;
    await expect.poll(count, { timeout: 20_000 }).toBe(before + 5);
    await usage.close();
    expect(await count()).toBe(before + 5);
  });
});

describe('an address that is kept', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::'],
    ['2001:db8::1', '2001:db8::'],
    ['::1', '::'],
    ['', ''],
    ['no address', ''],
  ])('%s is cut to %s', (address, network) => {
    expect(truncateAddress(address)).toBe(network);
  });
});
