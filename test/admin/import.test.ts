import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteClient } from '../../src/admin/clients/change.ts';
import { findClient } from '../../src/admin/clients/client.ts';
import { readExport, readInlineRoles } from '../../src/admin/import/read.ts';
import { changeAs } from '../../src/cli/admin/author.ts';
import { hashToken } from '../../src/grants/token.ts';
import { createFleet, resolveKind } from '../grants/control.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { makeDirectory } from '../setup/gateway.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');
const TABLES = [
  'users',
  'tenants',
  'tenant_members',
  'sites',
  'site_members',
  'api_clients',
  'api_client_site_roles',
  'audit_log',
  'revocation_log',
];

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
const fleet = createFleet();

beforeAll(async () => {
  directory = await makeDirectory();
});
afterAll(async () => {
  await directory.remove();
});
beforeEach(async () => {
  database = await createDatabase();
});
afterEach(async () => {
  await fleet.closeAll();
  await database.close();
});

interface Report {
  readonly is_applied: boolean;
  readonly rows: Record<string, { new: number; there: number }>;
  readonly refused: { place: string; reason: string }[];
  readonly remarks: { place: string; reason: string }[];
}

interface Ran {
  readonly status: number | null;
  readonly output: string;
  readonly report: Report;
}

async function run(content: object | string, ...options: string[]): Promise<Ran> {
  const isCsv = typeof content === 'string';
  const file = join(directory.path, isCsv ? 'clients.csv' : 'clients.json');
  await writeFile(file, isCsv ? content : JSON.stringify(content));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [PROGRAM, 'import', 'hitkeep', '--file', file, '--json', ...options],
    { encoding: 'utf8', env: { PATH: process.env['PATH'], DATABASE_URL: database.url } },
  );
  const report = (stdout.startsWith('{') ? JSON.parse(stdout) : null) as Report;
  return { status, output: stdout + stderr, report };
}

async function countRows(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    const [row] = await database.sql.unsafe<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM ${table}`,
    );
    counts[table] = row?.count ?? 0;
  }
  return counts;
}

/** Tokens as HitKeep makes them, and an export that has their hashes. */
function makeExport() {
  const [user, team, site, other] = Array.from({ length: 4 }, () => randomUUID());
  const tokens = Array.from({ length: 4 }, () => randomBytes(32).toString('hex')) as [
    string,
    string,
    string,
    string,
  ];
  const client = (token: string, more: object) => ({
    id: randomUUID(),
    name: 'forwarder',
    description: '',
    secret_hash: hashToken(token),
    instance_role: 'user',
    expires_at: null,
    last_used_at: '2026-05-06 12:00:00',
    revoked_at: null,
    created_at: '2026-05-06 12:00:00',
    updated_at: '2026-05-06T12:00:00Z',
    ...more,
  });
  const clients = [
    client(tokens[0], { user_id: user, tenant_id: null }),
    client(tokens[1], { user_id: null, tenant_id: team, site_roles: [{ site_id: other, role: 'owner' }] }),
    client(tokens[2], { tenant_id: team, revoked_at: '2026-06-01 00:00:00+02' }),
    client(tokens[3], { tenant_id: team, expires_at: '2026-06-01 00:00:00.123' }),
  ] as const;
  return {
    tokens,
    clients,
    site,
    other,
    content: {
      users: [
        {
          id: user,
          email: 'Someone@example.com',
          instance_role: 'user',
          password_hash: '$2a$10$secret',
          unknown: 1,
        },
      ],
      tenants: [{ id: team, name: 'team' }],
      tenant_members: [{ tenant_id: team, user_id: user, role: 'owner' }],
      sites: [
        { id: site, domain: 'WWW.Example.com', tenant_id: team },
        { id: other, domain: 'other.example.com', tenant_id: team },
      ],
      api_clients: clients,
      api_client_site_roles: [{ api_client_id: clients[0].id, site_id: site, role: 'admin' }],
    },
  };
}

describe('an import of HitKeep', () => {
  it('reports what it would do, and does nothing', async () => {
    const before = await countRows();
    const { status, report } = await run(makeExport().content);
    expect(status).toBe(0);
    expect(report).toMatchObject({
      is_applied: false,
      rows: {
        users: { new: 1, there: 0 },
        teams: { new: 1 },
        team_members: { new: 1 },
        sites: { new: 2 },
        api_clients: { new: 4 },
        site_roles: { new: 2 },
      },
      refused: [],
      remarks: [{ place: 'users[0]' }],
    });
    expect(await countRows()).toEqual(before);
  });

  it('makes old tokens good, with their roles, and revoked and expired ones what they were', async () => {
    const { content, tokens, site, other } = makeExport();
    const grants = await fleet.start({}, { sql: database.sql });
    expect(await resolveKind(grants, tokens[0])).toBe('unknown');
    expect((await run(content, '--apply')).status).toBe(0);
    await expect.poll(() => resolveKind(grants, tokens[0]), { timeout: 20_000 }).toBe('granted');
    const roles = await Promise.all(
      tokens.slice(0, 2).map(async (token) => {
        const verdict = await grants.resolve(token);
        return verdict.kind === 'granted' ? [...verdict.grant.siteRoles] : verdict;
      }),
    );
    expect(roles).toEqual([[[site, 'admin']], [[other, 'owner']]]);
    expect(await resolveKind(grants, tokens[2])).toBe('revoked');
    expect(await resolveKind(grants, tokens[3])).toBe('expired');
    expect(await grants.resolveSite('example.com')).toEqual({ kind: 'site', siteId: site });
  });

  it('is taken as the SQL of docs/import.md writes it from a database of HitKeep 2.8', async () => {
    const text = await readFile(join(import.meta.dirname, 'hitkeep-2.8-export.json'), 'utf8');
    const ran = await run(JSON.parse(text) as object, '--apply');
    expect(ran.report?.refused, ran.output).toEqual([]);
    expect(await countRows()).toMatchObject({ users: 2, sites: 1, api_clients: 1, api_client_site_roles: 1 });
    const [client] = await database.sql`
      SELECT c.secret_hash, c.expires_at, r.role, s.domain, u.email, t.name AS team
      FROM api_clients c JOIN users u ON u.id = c.user_id JOIN api_client_site_roles r ON r.api_client_id = c.id
      JOIN sites s ON s.id = r.site_id JOIN tenants t ON t.id = s.tenant_id`;
    expect(client).toMatchObject({
      secret_hash: 'ab'.repeat(32),
      expires_at: new Date('2027-11-21T04:50:28.347Z'),
      ...{ role: 'admin', domain: 'example.com', email: 'b@example.com', team: 'Default Tenant' },
    });
  });

  it('done again changes nothing', async () => {
    const { content } = makeExport();
    await run(content, '--apply');
    const before = await countRows();
    const { status, report } = await run(content, '--apply');
    expect(status).toBe(0);
    expect(Object.values(report.rows).map((count) => count.new)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(report.rows['api_clients']).toEqual({ new: 0, there: 4 });
    expect(await countRows()).toEqual(before);
  });

  it('done again after a client was deleted makes its token good again, for gateways that saw it end, too', async () => {
    const { content, clients, tokens } = makeExport();
    const grants = await fleet.start({}, { sql: database.sql });
    await run(content, '--apply');
    await expect.poll(() => resolveKind(grants, tokens[0]), { timeout: 20_000 }).toBe('granted');
    await changeAs(database.sql, 'test', async (change) => {
      const owner = { kind: 'personal', userId: String(content.users[0]?.id) } as const;
      const client = await findClient(change.tx, owner, clients[0].id);
      if (client !== null) await deleteClient(change, client);
    });
    await expect.poll(() => resolveKind(grants, tokens[0]), { timeout: 20_000 }).toBe('unknown');
    expect((await run(content, '--apply')).report.rows['api_clients']).toEqual({ new: 1, there: 3 });
    await expect.poll(() => resolveKind(grants, tokens[0]), { timeout: 20_000 }).toBe('granted');
  });

  it('with a role for a client that is here is heard of by gateways that know the client', async () => {
    const { content, clients, tokens, other } = makeExport();
    const grants = await fleet.start({}, { sql: database.sql });
    await run(content, '--apply');
    await expect.poll(() => resolveKind(grants, tokens[0]), { timeout: 20_000 }).toBe('granted');
    const more = { api_client_id: clients[0].id, site_id: other, role: 'admin' };
    const roles = 'api_client_site_roles' in content ? (content.api_client_site_roles as object[]) : [];
    const { report, output } = await run({ ...content, api_client_site_roles: [...roles, more] }, '--apply');
    expect(report?.rows['site_roles'], output).toMatchObject({ new: 1 });
    const reached = async (): Promise<unknown> => {
      const verdict = await grants.resolve(tokens[0]);
      return verdict.kind === 'granted' && verdict.grant.siteRoles.get(other ?? '') === 'admin';
    };
    await expect.poll(reached, { timeout: 5000 }).toBe(true);
  });

  it('of a hash that a token had before it was rolled is refused', async () => {
    const { content, clients } = makeExport();
    await run(content, '--apply');
    await database.sql`
      UPDATE api_clients SET secret_hash = ${'0'.repeat(64)}, previous_secret_hash = ${clients[0].secret_hash},
             previous_expires_at = now() WHERE id = ${clients[0].id}`;
    const renamed = content.api_clients.map((client) =>
      client.id === clients[0].id ? { ...client, id: randomUUID() } : client,
    );
    const { status, report } = await run({ ...content, api_clients: renamed }, '--apply');
    expect(status).toBe(1);
    expect(report.refused.map(({ reason }) => reason)).toContain('secret_hash: another client has it');
  });

  it('is found in the audit log by the hash of an old token', async () => {
    const { content, tokens } = makeExport();
    await run(content, '--apply');
    const found = await database.sql`
      SELECT action, actor_label FROM audit_log WHERE token_hashes @> ARRAY[${hashToken(tokens[1])}]`;
    expect(found).toMatchObject([{ action: 'api_client.imported', actor_label: 'sluice import hitkeep' }]);
  });

  it('with something refused writes nothing, or, if wanted, the rest', async () => {
    const { content, tokens } = makeExport();
    const broken = { ...content, tenants: [{ id: 'no uuid', name: 'team' }] };
    const before = await countRows();
    const refused = await run(broken, '--apply');
    expect(refused.status).toBe(1);
    expect(refused.report.is_applied).toBe(false);
    // What depends on the team is refused with it.
    expect(refused.report.refused.map(({ place }) => place)).toEqual([
      'tenants[0]',
      'sites[0]',
      'sites[1]',
      'tenant_members[0]',
      'api_clients[1]',
      'api_clients[2]',
      'api_clients[3]',
      'api_client_site_roles[0]',
      'api_clients[1]',
    ]);
    expect(await countRows()).toEqual(before);
    const skipped = await run(broken, '--apply', '--skip-refused');
    expect(skipped.status).toBe(0);
    expect(skipped.report.rows['api_clients']).toEqual({ new: 1, there: 0 });
    const grants = await fleet.start({}, { sql: database.sql });
    expect(await resolveKind(grants, tokens[0])).toBe('granted');
    expect(await resolveKind(grants, tokens[1])).toBe('unknown');
  });

  it('takes a user whose address is here already for that user', async () => {
    const [here] = await database.sql<{ id: string }[]>`
      INSERT INTO users (id, email) VALUES (gen_random_uuid(), 'someone@EXAMPLE.com') RETURNING id`;
    const { report } = await run(makeExport().content, '--apply');
    expect(report.refused).toEqual([]);
    const members = await database.sql`SELECT user_id FROM tenant_members`;
    expect(members).toMatchObject([{ user_id: here?.id }]);
    expect(await database.sql`SELECT FROM api_clients WHERE user_id = ${here?.id ?? ''}`).toHaveLength(1);
  });

  it.each([
    ['api_clients', 0, { secret_hash: 'x' }, 'api_clients[0]', 'secret_hash: must be 64 hex digits'],
    ['api_clients', 0, { user_id: null }, 'api_clients[0]', 'user_id, tenant_id: it needs exactly one owner'],
    [
      'api_clients',
      1,
      { user_id: randomUUID() },
      'api_clients[1]',
      'user_id, tenant_id: it needs exactly one owner',
    ],
    ['api_clients', 0, { user_id: randomUUID() }, 'api_clients[0]', 'user_id: no such user'],
    ['api_clients', 0, { expires_at: 'soon' }, 'api_clients[0]', 'expires_at: is no time'],
    ['api_clients', 0, { name: ' ' }, 'api_clients[0]', 'name: '],
    ['api_client_site_roles', 0, { role: 'root' }, 'api_client_site_roles[0]', 'role: '],
    [
      'api_client_site_roles',
      0,
      { site_id: randomUUID() },
      'api_client_site_roles[0]',
      'site_id: no such site',
    ],
    ['sites', 0, { domain: 'a b' }, 'sites[0]', 'domain: no host name'],
    ['sites', 1, { domain: 'example.com' }, 'sites[1]', 'domain: another site has it'],
    ['tenant_members', 0, { role: 'boss' }, 'tenant_members[0]', 'role: '],
  ] as const)(
    'refuses %s[%i] with %j, and says where and why',
    async (table, index, change, place, reason) => {
      const { content } = makeExport();
      const rows = content[table].map((row, at) => (at === index ? { ...row, ...change } : row));
      const { status, report } = await run({ ...content, [table]: rows });
      expect(status).toBe(1);
      expect(report.refused[0]?.place).toBe(place);
      expect(report.refused[0]?.reason).toContain(reason);
    },
  );

  it("refuses a team client's role on a site of another team, and a hash that another client has", async () => {
    const { content, clients, tokens } = makeExport();
    const foreign = { id: randomUUID(), domain: 'foreign.example.com', tenant_id: randomUUID() };
    const team = { id: foreign.tenant_id, name: 'other' };
    const { report } = await run({
      ...content,
      tenants: [...content.tenants, team],
      sites: [...content.sites, foreign],
      api_clients: [
        ...clients,
        { ...clients[0], id: randomUUID(), secret_hash: hashToken(tokens[0]).toUpperCase() },
      ],
      api_client_site_roles: [{ api_client_id: clients[2].id, site_id: foreign.id, role: 'viewer' }],
    });
    expect(report.refused.map(({ place, reason }) => `${place} ${reason}`)).toEqual([
      'api_clients[4] secret_hash: another client has it',
      "api_client_site_roles[0] site_id: a team's client reaches only sites of its team",
    ]);
  });

  it('from CSV gives the same clients', async () => {
    const { content, clients, tokens } = makeExport();
    await run({ ...content, api_clients: [], api_client_site_roles: [] }, '--apply');
    const csv = [
      'id,name,secret_hash,user_email,team_name,expires_at,site_roles',
      `${clients[0].id},"a, b",${hashToken(tokens[0])},someone@example.com,,,www.example.com:admin; other.example.com:viewer`,
      `${clients[1].id},team's,${hashToken(tokens[1])},,team,2099-01-01 00:00:00,"[{""site_id"":""${content.sites[1]?.id}"",""role"":""owner""}]"`,
    ].join('\r\n');
    const { report, output } = await run(csv, '--apply');
    expect(report, output).toMatchObject({
      is_applied: true,
      rows: { api_clients: { new: 2 }, site_roles: { new: 3 } },
    });
    const grants = await fleet.start({}, { sql: database.sql });
    expect(await resolveKind(grants, tokens[0])).toBe('granted');
    expect(await resolveKind(grants, tokens[1])).toBe('granted');
    const faulty = await run(`${csv}\r\nx,x,x,,,,\r\n`);
    expect(faulty.report.refused).toEqual([{ place: 'line 4', reason: 'id: is no UUID' }]);
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
  ])('of a file that is %s ends with one sentence', async (_, text) => {
    const file = join(directory.path, 'broken.json');
    await writeFile(file, text);
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'import', 'hitkeep', '--file', file], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], DATABASE_URL: database.url },
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^sluice: the file .*\n$/);
  });

  it('never prints a hash', async () => {
    const { content, tokens } = makeExport();
    const { clients } = makeExport();
    const broken = {
      ...content,
      api_clients: [...content.api_clients, ...clients, { ...clients[0], name: '' }],
    };
    const hashes = broken.api_clients.map(
      (client) => (client as unknown as { secret_hash: string }).secret_hash,
    );
    const outputs = [await run(broken), await run(content, '--apply'), await run(content, '--apply')];
    for (const { output } of outputs) {
      for (const hash of [...hashes, ...tokens, '$2a$10$secret']) expect(output).not.toContain(hash);
    }
  });

  it('takes 20,000 clients in one transaction', async () => {
    const { content } = makeExport();
    const [team] = content.tenants;
    const many = Array.from({ length: 20_000 }, (_, index) => ({
      id: randomUUID(),
      tenant_id: team?.id,
      name: `client ${index}`,
      secret_hash: randomBytes(32).toString('hex'),
      site_roles: [{ site_id: content.sites[0]?.id, role: 'admin' }],
    }));
    const { report } = await run({ ...content, api_clients: many, api_client_site_roles: [] }, '--apply');
    expect(report.rows).toMatchObject({ api_clients: { new: 20_000 }, site_roles: { new: 20_000 } });
    expect(await countRows()).toMatchObject({ api_clients: 20_000, api_client_site_roles: 20_000 });
  });
});

describe('roles in a column', () => {
  const role = fc.constantFrom('owner', 'admin', 'editor', 'viewer');
  const site = fc.oneof(fc.uuid(), fc.domain());
  const context = { addIssue: () => undefined };

  it('are read as they were written, whatever the spaces', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(site, role)), fc.constantFrom('', ' ', '  '), (roles, space) => {
        const text = roles.map(([id, name]) => `${space}${id}${space}:${space}${name}`).join(`${space};`);
        const wanted = roles.map(([id, name]) => ({ site_id: id, role: name }));
        expect(readInlineRoles(text, context)).toEqual(wanted);
        expect(readInlineRoles(JSON.stringify(wanted), context)).toEqual(wanted);
      }),
    );
  });

  it('and files of any text are read without a crash', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        readInlineRoles(text, context);
        try {
          readExport(text, 'csv');
        } catch (error) {
          expect(String(error)).toMatch(/the file is no CSV/);
        }
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { rows, faults } = readExport(JSON.stringify({ api_clients: value, users: [value] }), 'json');
        expect(rows.api_clients.length + faults.length).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
