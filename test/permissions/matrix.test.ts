/** Every endpoint, asked by everybody: the table's word against the gateway's. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPasswords } from '../../src/admin/sign-in/password.ts';
import { createConformance, readDocument, type Conformance } from '../reference/conform.ts';
import { ask, startInstance, type Instance } from '../setup/administration.ts';
import { printTable } from './print.ts';
import { EVERYBODY, groups, rows, statusOf, type Caller, type Row } from './table.ts';
import { createOwn, createWorld, type World } from './world.ts';

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
];
/** These only grow. */
const LOGS = { audit_log: 'sequence', revocation_log: 'seq' };

let instance: Instance;
let passwordHash: string;
let conformance: Conformance;
/** For all that change nothing; a cell that fails may have, and takes it along. */
let shared: World | null = null;
/** The digest after the last cell, which is the one before the next, unless that makes something first. */
let known: string | null = null;

beforeAll(async () => {
  instance = await startInstance({
    SLUICE_TRUSTED_PROXIES: '127.0.0.1',
    SLUICE_METRICS_TOKEN: 'the token of the metrics',
    SLUICE_FASTLY_SERVICE_IDS: '*',
    SLUICE_VERCEL_VERIFY: 'the-code-of-a-drain',
  });
  passwordHash = await (await createPasswords()).hash(PASSWORD);
  conformance = createConformance(await readDocument(instance.base));
  await instance.sql`
    INSERT INTO users (id, email, password_hash) VALUES (gen_random_uuid(), ${EMAIL}, ${passwordHash})`;
});
afterAll(async () => {
  await instance.close();
});

type Names = Readonly<Record<string, string>>;

function fill(text: string, names: Names): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
}

/** A body that the table only names, or with its words filled in. */
function fillBody(text: string, names: Names): string {
  const visitOf = (domain = ''): object => ({
    url: `https://${domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  });
  const visit = visitOf(names['domain']);
  const bodies: Readonly<Record<string, object>> = {
    '{login}': { email: EMAIL, password: PASSWORD },
    '{newPassword}': { current_password: PASSWORD, new_password: 'long enough, surely' },
    '{pageview}': visit,
    '{archivedPageview}': visitOf(names['archivedDomain']),
    '{batch}': [{ ...visit, type: 'pageview' }],
    '{event}': { ...visit, name: 'signup' },
    '{aiFetch}': { path: '/', status_code: 200, user_agent: 'GPTBot/1.2' },
  };
  const body = bodies[text];
  return body === undefined ? fill(text, names) : JSON.stringify(body);
}

/** A row that is inserted or changed has a later xmin than all before; one that is deleted is missing. */
const DIGEST = [
  ...TABLES.map((table) => `SELECT '${table}', count(*), max(xmin::text::bigint) FROM ${table}`),
  ...Object.entries(LOGS).map(([log, sequence]) => `SELECT '${log}', max(${sequence}), 0 FROM ${log}`),
].join(' UNION ALL ');

async function readDigest(): Promise<string> {
  return JSON.stringify(await instance.sql.unsafe(DIGEST, [], { prepare: true }));
}

async function holds(condition: string): Promise<boolean> {
  const [row] = await instance.sql.unsafe<{ holds: boolean }[]>(
    `SELECT coalesce((${condition}), false) AS holds`,
  );
  return row?.holds === true;
}

function countAccepted(): number {
  return (instance.gateway.stats() as { ingest: { accepted: number } }).ingest.accepted;
}

async function makeWorld(): Promise<World> {
  known = null;
  return createWorld(instance.sql, passwordHash);
}

/** All that a cell is held to: the answer, what changed, and what did not. */
async function check(row: Row, caller: Caller): Promise<void> {
  const expected = statusOf(row, caller);
  const isDone = expected < 300;
  const isChange = isDone && !row.request.startsWith('GET ') && row.isQuiet !== true;
  const isDestructive = isDone && row.route !== 'anybody' && (isChange || row.becomes !== undefined);
  const world = isDestructive ? await makeWorld() : (shared ??= await makeWorld());
  const { request, body, becomes, shows, records = 0 } = row;
  const words = `${request} ${body ?? ''} ${becomes ?? ''}`;
  const names = { ...world.names, ...(await createOwn(instance.sql, world, caller, words)) };
  const condition = becomes === undefined ? null : fill(becomes, names);
  if (/\{(mine|leaked|managed)\}/.test(words)) known = null;
  const before = known ?? (await readDigest());
  known = null;
  const acceptedBefore = countAccepted();
  if (condition !== null) expect(await holds(condition)).toBe(false);

  const filled = fill(request, names);
  const sent = body === undefined ? undefined : fillBody(body, names);
  const answer = await ask(instance.base, filled, {
    ...world.credentials[caller],
    ...(sent === undefined ? {} : { body: sent }),
    // Sign-ins and reports are limited by address.
    headers: { 'X-Forwarded-For': `10.${randomInt(256)}.${randomInt(256)}.1` },
  });

  expect(`${answer.status} ${answer.status === expected ? '' : answer.text}`.trim()).toBe(String(expected));
  expect(conformance.judge(filled, answer)).toBeNull();
  if (isDone && sent?.startsWith('{') === true)
    expect(conformance.judgeBody(filled, JSON.parse(sent))).toBeNull();
  known = await readDigest();
  if (isChange) expect(known).not.toBe(before);
  else expect(known).toBe(before);
  if (condition !== null) expect(await holds(condition)).toBe(isDone);
  expect(countAccepted() - acceptedBefore).toBe(isDone ? records : 0);
  if (shows !== undefined)
    expect(answer.text.includes(fill(shows.text, names))).toBe(isDone && shows.to.includes(caller));
}

describe.each(Object.keys(groups))('%s', (title) => {
  describe.each(groups[title] ?? [])('$request, which $does', (row) => {
    it.each(EVERYBODY)('answers as it should to: %s', async (caller) => {
      try {
        await check(row, caller);
      } catch (error) {
        shared = null;
        throw error;
      }
    });
  });
});

describe('the table', () => {
  it('has a credential for every caller', async () => {
    const { credentials } = await makeWorld();
    expect(Object.keys(credentials).filter((name) => !EVERYBODY.includes(name as Caller))).toEqual([
      'someMember',
      'someOwner',
      'someViewer',
      'someSiteOwner',
      'newcomer',
    ]);
    expect(EVERYBODY.filter((caller) => credentials[caller] === undefined)).toEqual([]);
  });

  it('has every route that is served, and no other', () => {
    const pattern = (path: string): string =>
      path.replaceAll(/:\w+|\{\w+\}/g, '*').replace('/revocations/1', '/revocations/*');
    const served = instance.gateway.routes.map(({ method, path }) => `${method} ${pattern(path)}`);
    const listed = rows.map((row) => pattern(row.request.split('?')[0] ?? ''));
    expect([...new Set(listed)].toSorted()).toEqual([...new Set(served)].toSorted());
  });

  it('has somebody who is granted each change, and says what it comes to', () => {
    const routes = Map.groupBy(rows, ({ request }) => request.split('?')[0]?.replaceAll(/\{\w+\}/g, '*'));
    const unproven = [...routes].filter(
      ([request, ofRoute]) =>
        request?.startsWith('GET ') === false &&
        !ofRoute.some(
          (row) =>
            EVERYBODY.some((caller) => statusOf(row, caller) < 300) &&
            (row.becomes !== undefined || row.records !== undefined),
        ),
    );
    // A sign-in makes a session; a report needs GitHub's signature.
    expect(unproven.map(([request]) => request)).toEqual([
      'POST /api/auth/login',
      'POST /api/tokens/github-secret-scanning',
    ]);
  });

  it('is the one in the docs', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/permissions.md'), 'utf8');
    const squeeze = (text: string): string => text.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');
    expect(squeeze(page)).toContain(squeeze(printTable()));
  });
});
