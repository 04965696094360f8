/** Every endpoint, asked by everybody: the table's word against the gateway's. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPasswords } from '../../src/admin/sign-in/password.ts';
import { ask, startInstance, type Answer, type Instance } from '../setup/administration.ts';
import { callers, printTable, rows, statusOf, type Caller, type Row } from './table.ts';
import { createWorld, type World } from './world.ts';

const EMAIL = 'right@example.com';
const PASSWORD = 'the right password';
/** What a refused request must leave as it was. */
const TABLES = [
  'users',
  'tenants',
  'tenant_members',
  'sites',
  'site_members',
  'api_clients',
  'api_client_site_roles',
  'service_accounts',
  'audit_log',
  'revocation_log',
];

let instance: Instance;
let shared: World;

beforeAll(async () => {
  instance = await startInstance();
  const hash = await (await createPasswords()).hash(PASSWORD);
  await instance.sql`
    INSERT INTO users (id, email, password_hash) VALUES (gen_random_uuid(), ${EMAIL}, ${hash})`;
  shared = await createWorld(instance.sql);
});
afterAll(async () => {
  await instance.close();
});

function fill(text: string, world: World): string {
  const visit = {
    url: `https://${world.names['domain']}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  };
  const bodies: Readonly<Record<string, object>> = {
    '{login}': { email: EMAIL, password: PASSWORD },
    '{pageview}': visit,
    '{batch}': [{ ...visit, type: 'pageview' }],
    '{event}': { ...visit, name: 'signup' },
    '{aiFetch}': { path: '/', status_code: 200, user_agent: 'GPTBot/1.2' },
  };
  const body = bodies[text];
  if (body !== undefined) return JSON.stringify(body);
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === 'fresh' ? randomBytes(6).toString('hex') : (world.names[name] ?? `{${name}}`),
  );
}

async function send(row: Row, caller: Caller, world: World): Promise<Answer> {
  const { body } = row;
  return ask(instance.base, fill(row.request, world), {
    ...world.credentials[caller],
    ...(body === undefined ? {} : { body: fill(body, world) }),
  });
}

/** A row that is inserted or changed has a later xmin than all before; one that is deleted is missing. */
async function digest(): Promise<string> {
  const parts = TABLES.map(
    (table) => `SELECT '${table}' AS name, count(*) AS rows, max(xmin::text::bigint) AS last FROM ${table}`,
  );
  const states = await instance.sql.unsafe<{ name: string; rows: string; last: string }[]>(
    parts.join(' UNION ALL '),
  );
  return states.map(({ name, rows: count, last }) => `${name} ${count} ${last}`).join('\n');
}

const isChange = (row: Row): boolean =>
  !row.request.startsWith('GET ') && row.route !== 'anybody' && row.route !== 'records';

describe.each(rows)('$request, which $does', (row) => {
  it.each(Object.keys(callers) as Caller[])('answers as it should to: %s', async (caller) => {
    const expected = statusOf(row, caller);
    if (isChange(row) && expected < 300) {
      const world = await createWorld(instance.sql);
      const before = await digest();
      const answer = await send(row, caller, world);
      expect(`${answer.status} ${answer.status < 300 ? '' : answer.text}`.trim()).toBe(String(expected));
      if (!row.request.endsWith('/logout')) expect(await digest()).not.toBe(before);
      return;
    }
    const before = expected < 300 ? '' : await digest();
    const answer = await send(row, caller, shared);
    expect(`${answer.status} ${answer.status === expected ? '' : answer.text}`.trim()).toBe(String(expected));
    if (expected >= 300) expect(await digest()).toBe(before);
  });
});

describe('the table', () => {
  it('has every route that is served, and no other', () => {
    const pattern = (path: string): string =>
      path.replaceAll(/:\w+|\{\w+\}/g, '*').replace('/revocations/1', '/revocations/*');
    const served = instance.gateway.routes.map(({ method, path }) => `${method} ${pattern(path)}`);
    const listed = rows.map((row) => pattern(row.request.split('?')[0] ?? ''));
    expect([...new Set(listed)].toSorted()).toEqual([...new Set(served)].toSorted());
  });

  it('is the one in the docs', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/permissions.md'), 'utf8');
    const squeeze = (text: string): string => text.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');
    expect(squeeze(page)).toContain(squeeze(printTable()));
  });
});
