/** What the settings say of keeping, from the first record to the last row. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { makeHousekeeping } from '../../src/parts/housekeeping.ts';
import { ask, createPerson, startInstance, type Answer, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const DAY_MS = 86_400_000;
const RETENTION = {
  SLUICE_RETENTION_PAGEVIEWS: '400d',
  SLUICE_RETENTION_AUDIT: '365d',
  SLUICE_RETENTION_QUARANTINE: '30d',
};
let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance(RETENTION);
  site = await createDemoSite(instance.sql, 'kept.example.com');
});
afterAll(() => instance.close());

function record(ageDays: number): object {
  return {
    url: `https://${site.domain}/`,
    timestamp: new Date(Date.now() - ageDays * DAY_MS).toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
    name: 'signup',
  };
}

const send = (path: string, body: unknown): Promise<Answer> =>
  ask(instance.base, `POST ${path}`, {
    token: site.token,
    body,
    headers: { prefer: 'durability=postgres' },
  });

it('a record that is older than its kind is kept is refused, alone and in a batch; one of another kind is not', async () => {
  const alone = await send('/api/ingest/server/pageview', record(401));
  expect([alone.status, alone.body]).toEqual([
    400,
    expect.objectContaining({
      code: 'timestamp_outside_policy',
      field: 'timestamp',
      detail: 'timestamp is older than pageviews are kept (SLUICE_RETENTION_PAGEVIEWS).',
    }),
  ]);
  const batch = await send('/api/ingest/server/batch', [
    { type: 'pageview', ...record(399) },
    { type: 'pageview', ...record(401) },
    { type: 'event', ...record(401) },
  ]);
  expect(batch.body).toMatchObject({
    accepted: 2,
    rejected: 1,
    errors: [{ index: 1, code: 'timestamp_outside_policy' }],
  });
});

it('a line of a log that is older is put aside, with the reason', async () => {
  const line = `192.0.2.1 - - [05/May/2021:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 Firefox/145.0"\n`;
  const path = `/api/sites/${site.siteId}/ingest/access-log?hostname=${site.domain}&pageviews=1`;
  const answer = await fetch(instance.base + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${site.token}`, prefer: 'durability=postgres' },
    body: line,
  });
  expect(await answer.json()).toMatchObject({ received: 1, accepted: 0, quarantined: 1, rejected: 0 });
  expect(await instance.sql`SELECT reason FROM unread_lines`).toEqual([
    { reason: expect.stringContaining('SLUICE_RETENTION_PAGEVIEWS') as string },
  ]);
});

it('rows go from every table when they are older than is said of it, and no sooner', async () => {
  const { sql } = instance;
  const ages = [366, 364, 91, 89, 31, 29, 8, 6, 2, 0.5, 0.01];
  const user = await createPerson(sql);
  await sql`TRUNCATE revocation_log, audit_log, idempotent_tokens, gateway_nodes, api_client_hours`;
  for (const age of ages) {
    const at = sql`now() - ${age}::float8 * interval '1 day'`;
    await sql`INSERT INTO revocation_log (kind, subject, version, created_at) VALUES ('client', 'x', 1, ${at})`;
    await sql`
      INSERT INTO audit_log (created_at, action, actor_type, actor_label, target_type, target_label, request_id)
      VALUES (${at}, 'x', 'system', 'x', 'x', 'x', 'x')`;
    await sql`
      INSERT INTO idempotent_tokens (actor_id, key_hash, request_hash, api_client_id, salt, created_at)
      VALUES (gen_random_uuid(), 'x', 'x', ${site.clientId}, 'x', ${at})`;
    await sql`INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), ${user.id}, ${at})`;
    await sql`INSERT INTO gateway_nodes VALUES (gen_random_uuid(), 'gone', 1, ${at})`;
    await sql`INSERT INTO api_client_hours (api_client_id, hour) VALUES (${site.clientId}, ${at})`;
    await sql`
      INSERT INTO quarantine (id, table_name, site_id, client_id, sqlstate, reason, entry, created_at)
      VALUES (gen_random_uuid(), 'hits', ${site.siteId}, ${site.clientId}, 'x', 'x', '', ${at})`;
  }
  const lines: string[] = [];
  const config = readConfig(RETENTION);
  const housekeeping = makeHousekeeping(
    config,
    sql,
    (_, fields, message) => {
      lines.push(`${message} ${JSON.stringify(fields)}`);
    },
    [],
  );
  await housekeeping.tidy();
  housekeeping.close();
  expect(lines).toEqual([]);
  const oldest = async (table: string, column: string): Promise<number> => {
    const [row] = await sql.unsafe<{ days: number }[]>(
      `SELECT extract(epoch FROM now() - min(${column}))::float8 / 86400 AS days FROM ${table} WHERE ${column} < now() - interval '1 minute'`,
    );
    return Math.round((row?.days ?? -1) * 100) / 100;
  };
  expect({
    revocations: await oldest('revocation_log', 'created_at'),
    audit: await oldest('audit_log', 'created_at'),
    tokens: await oldest('idempotent_tokens', 'created_at'),
    nodes: await oldest('gateway_nodes', 'seen_at'),
    hours: await oldest('api_client_hours', 'hour'),
    quarantine: await oldest('quarantine', 'created_at'),
  }).toEqual({ revocations: 6, audit: 364, tokens: 0.5, nodes: 0.01, hours: 89, quarantine: 29 });
  expect(await sql`SELECT FROM sessions WHERE expires_at < now()`).toEqual([]);
  expect(await sql`SELECT FROM sessions`).toHaveLength(1);
});
