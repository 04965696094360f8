/** API clients as a program written for HitKeep uses them: keys, values, texts, statuses and the order of checks. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addMember,
  addSite,
  ask,
  createPerson,
  createTeamOf,
  sendPageview,
  setSiteRole,
  startInstance,
  type Answer,
  type Instance,
  type Person,
} from '../setup/administration.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f-]{36}$/;
const PERSONAL = '/api/user/api-clients';

let instance: Instance;
let owner: Person;
let admin: Person;
let teamId: string;
let site: { id: string; domain: string };
let second: { id: string; domain: string };
let list: string;

beforeAll(async () => {
  instance = await startInstance();
  owner = await createPerson(instance.sql);
  admin = await createPerson(instance.sql);
  teamId = await createTeamOf(instance.sql, owner);
  await addMember(instance.sql, teamId, admin, 'admin');
  site = await addSite(instance.sql, teamId);
  second = await addSite(instance.sql, teamId);
  list = `/api/user/teams/${teamId}/api-clients`;
});
afterAll(async () => {
  await instance.close();
});

interface Shown {
  readonly id: string;
  readonly [field: string]: unknown;
}
interface Made {
  readonly client: Shown;
  readonly token: string;
}

const as = (person: Person, request: string, body?: unknown): Promise<Answer> =>
  ask(instance.base, request, { cookie: person.cookie, ...(body === undefined ? {} : { body }) });

async function make(person: Person, path: string, body: object = {}): Promise<Made> {
  const answer = await as(person, `POST ${path}`, { name: 'client', ...body });
  expect(answer.status, answer.text).toBe(201);
  return answer.body as Made;
}

const fault = (answer: Answer): string => {
  const { detail } = answer.body as { detail: string };
  return `${answer.status} ${detail}`;
};

describe('a client', () => {
  it('of a person is shown with exactly these fields, the optional ones left out', async () => {
    const { client, token } = await make(owner, PERSONAL);
    expect(client).toEqual({
      id: expect.stringMatching(UUID),
      user_id: owner.id,
      owner_type: 'personal',
      name: 'client',
      description: '',
      token_hint: `slc_…${token.slice(-4)}`,
      instance_role: 'user',
      created_at: expect.stringMatching(TIME),
      updated_at: client['created_at'],
      site_roles: [],
    });
    expect(token).toMatch(/^slc_[0-9A-Za-z]{49}$/);
    const shown = await as(owner, `GET ${PERSONAL}/${client.id}`);
    expect(shown.body).toEqual(client);
    expect(shown.headers.get('content-type')).toBe('application/json');
    expect(shown.headers.get('cache-control')).toBe('no-store');
  });

  it('of a team is shown with exactly these fields, when all are set', async () => {
    const roles = [site, second].map(({ id }) => ({ site_id: id, role: 'editor' }));
    const { client } = await make(admin, list, {
      name: '  padded  ',
      description: '  what it is for ',
      expires_at: '2099-01-01T01:00:00+01:00',
      instance_role: 'owner',
      site_roles: roles,
    });
    const revoked = await as(owner, `PUT ${list}/${client.id}`, {
      name: 'padded',
      description: 'what it is for',
      expires_at: '2099-01-01T00:00:00Z',
      site_roles: roles.toReversed(),
      revoked: true,
    });
    expect(revoked.body).toEqual({
      id: client.id,
      tenant_id: teamId,
      owner_type: 'team',
      name: 'padded',
      description: 'what it is for',
      token_hint: client['token_hint'],
      instance_role: 'user',
      expires_at: '2099-01-01T00:00:00.000Z',
      revoked_at: expect.stringMatching(TIME),
      created_at: client['created_at'],
      updated_at: expect.stringMatching(TIME),
      site_roles: roles.toSorted((one, other) => (one.site_id < other.site_id ? -1 : 1)),
      receipt: {
        sequence: expect.any(Number),
        applied_by: [expect.any(String)],
        pending: [],
        bound_ms: 30_000,
      },
    });
  });

  it('shows its token when it is made and rolled, and never again', async () => {
    const made = await make(owner, list);
    const rolled = (await as(owner, `POST ${list}/${made.client.id}/rotate`)).body as Made;
    expect(Object.keys(rolled).toSorted()).toEqual(['client', 'receipt', 'token']);
    await as(owner, `PUT ${list}/${made.client.id}`, { name: 'other' });
    for (const path of [
      list,
      `${list}/${made.client.id}`,
      `${list}/${made.client.id}/usage`,
      `/api/user/teams/${teamId}/audit`,
    ]) {
      const { text } = await as(owner, `GET ${path}`);
      expect(text).not.toContain(made.token);
      expect(text).not.toContain(rolled.token);
    }
  });

  it('keeps id, grants, role and expiry when it is rolled', async () => {
    const made = await make(owner, list, {
      expires_at: '2099-01-01T00:00:00Z',
      site_roles: [{ site_id: site.id, role: 'admin' }],
    });
    const rolled = (await as(owner, `POST ${list}/${made.client.id}/rotate`)).body as Made;
    expect(rolled.client).toEqual({
      ...made.client,
      token_hint: `slc_…${rolled.token.slice(-4)}`,
      updated_at: expect.stringMatching(TIME),
    });
  });

  it('may have the name of another', async () => {
    const names = [await make(owner, list, { name: 'twin' }), await make(owner, list, { name: 'twin' })];
    expect(new Set(names.map(({ client }) => client.id)).size).toBe(2);
  });

  it('that is deleted is gone, without a body', async () => {
    const { client } = await make(owner, PERSONAL);
    const answer = await as(owner, `DELETE ${PERSONAL}/${client.id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(fault(await as(owner, `GET ${PERSONAL}/${client.id}`))).toBe('404 API client not found');
    expect(fault(await as(owner, `DELETE ${PERSONAL}/${client.id}`))).toBe('404 API client not found');
  });

  it('may be made with an expiry that is over, and works again when that is moved', async () => {
    const made = await make(owner, list, {
      expires_at: '2020-01-01T00:00:00Z',
      site_roles: [{ site_id: site.id, role: 'owner' }],
    });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(401);
    await as(owner, `PUT ${list}/${made.client.id}`, {
      name: 'client',
      site_roles: [{ site_id: site.id, role: 'owner' }],
    });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
  });
});

describe('what is sent', () => {
  const long = 'x'.repeat(121);
  it.each([
    ['{', '400', 'Invalid JSON payload'],
    ['', '400', 'Name is required and must be <= 120 characters'],
    ['[]', '400', 'Invalid JSON payload'],
    ['{"name":"x"} {}', '400', 'Invalid JSON payload'],
    ['{"name":"x","unknown":1}', '400', 'Invalid JSON payload'],
    ['{"name":"x","revoked":true}', '400', 'Invalid JSON payload'],
    ['{}', '400', 'Name is required and must be <= 120 characters'],
    ['{"name":7}', '400', 'Name is required and must be <= 120 characters'],
    ['{"name":"  "}', '400', 'Name is required and must be <= 120 characters'],
    [`{"name":"${long}"}`, '400', 'Name is required and must be <= 120 characters'],
    // 61 characters of two bytes: the limit is in bytes.
    [`{"name":"${'é'.repeat(61)}"}`, '400', 'Name is required and must be <= 120 characters'],
    ['{"name":"a\\u0000b"}', '400', 'Name is required and must be <= 120 characters'],
    [`{"name":"x","description":"${'x'.repeat(501)}"}`, '400', 'Description must be <= 500 characters'],
    ['{"name":"x","instance_role":"root"}', '400', 'Invalid instance role'],
    ['{"name":"x","instance_role":""}', '400', 'Invalid instance role'],
    ['{"name":"x","expires_at":"tomorrow"}', '400', 'Invalid JSON payload'],
    ['{"name":"x","site_roles":{}}', '400', 'Invalid JSON payload'],
    [
      '{"name":"x","site_roles":[{"site_id":"1","role":"viewer"}]}',
      '403',
      'invalid delegated site role site_id',
    ],
    [
      `{"name":"x","site_roles":[{"site_id":"${randomUUID()}","role":"root"}]}`,
      '403',
      'invalid delegated site role',
    ],
    [
      `{"name":"x","site_roles":[${Array.from({ length: 101 }, () => `{"site_id":"${randomUUID()}","role":"viewer"}`).join(',')}]}`,
      '403',
      'too many delegated site roles',
    ],
  ])('as %j is refused with %s %s', async (body, status, detail) => {
    const answer = await as(owner, `POST ${PERSONAL}`, body);
    expect(fault(answer)).toMatch(new RegExp(`^${status} ${detail.replaceAll(/[()]/g, '.')}`));
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  it('at the limits is taken', async () => {
    const { client } = await make(owner, PERSONAL, { name: 'é'.repeat(60), description: 'x'.repeat(500) });
    expect(client['name']).toBe('é'.repeat(60));
  });

  it('null for an optional field is the same as leaving it out', async () => {
    const { client } = await make(owner, PERSONAL, { expires_at: null, site_roles: null });
    expect(client).not.toHaveProperty('expires_at');
    expect(client['site_roles']).toEqual([]);
  });

  it('with a site twice counts as the last one says', async () => {
    const { client } = await make(owner, list, {
      site_roles: [
        { site_id: site.id, role: 'owner' },
        { site_id: site.id.toUpperCase(), role: 'viewer' },
      ],
    });
    expect(client['site_roles']).toEqual([{ site_id: site.id, role: 'viewer' }]);
  });

  it('larger than a mebibyte is refused', async () => {
    expect((await as(owner, `POST ${PERSONAL}`, `{"name":"${'x'.repeat(1_100_000)}"}`)).status).toBe(413);
  });
});

describe('the order of checks', () => {
  it('of a personal update is: who asks, the id, whose it is, the body, and then what is given away', async () => {
    const { client } = await make(owner, PERSONAL);
    const beyond = [{ site_id: randomUUID(), role: 'owner' }];
    const path = `PUT ${PERSONAL}`;
    expect((await ask(instance.base, `${path}/no-uuid`, { body: '{' })).status).toBe(401);
    expect((await ask(instance.base, `${path}/no-uuid`, { token: 'x', body: '{' })).status).toBe(401);
    expect(fault(await as(owner, `${path}/no-uuid`, '{'))).toBe('400 Invalid client ID');
    expect(fault(await as(admin, `${path}/${client.id}`, '{'))).toBe('404 API client not found');
    expect(fault(await as(owner, `${path}/${client.id}`, '{'))).toMatch(/^400 Invalid JSON payload/);
    expect(fault(await as(owner, `${path}/${client.id}`, { name: 'x', site_roles: beyond }))).toBe(
      '400 Invalid instance role',
    );
    const body = { name: 'x', instance_role: 'admin', site_roles: beyond };
    expect(fault(await as(owner, `${path}/${client.id}`, body))).toBe(
      '403 Cannot delegate requested instance role',
    );
    expect(fault(await as(owner, `${path}/${client.id}`, { ...body, instance_role: 'user' }))).toBe(
      '403 cannot delegate site role for site without access',
    );
  });

  it('of a team update is: who asks, the team, its role there, the client, the body, what is given away', async () => {
    const { client } = await make(owner, list);
    const stranger = await createPerson(instance.sql);
    const teams = 'PUT /api/user/teams';
    expect((await ask(instance.base, `${teams}/no/api-clients/no`, { body: '{' })).status).toBe(401);
    expect(fault(await as(stranger, `${teams}/no/api-clients/no`, '{'))).toBe('400 Invalid team ID');
    expect(fault(await as(stranger, `${teams}/${teamId}/api-clients/no`, '{'))).toBe('403 Access denied');
    expect(fault(await as(owner, `${teams}/${randomUUID()}/api-clients/no`, '{'))).toBe('403 Access denied');
    expect(fault(await as(owner, `PUT ${list}/no`, '{'))).toBe('400 Invalid client ID');
    expect(fault(await as(owner, `PUT ${list}/${randomUUID()}`, '{'))).toBe('404 API client not found');
    expect(fault(await as(owner, `PUT ${list}/${client.id}`, '{'))).toMatch(/^400 Invalid JSON payload/);
    const elsewhere = { name: 'x', site_roles: [{ site_id: randomUUID(), role: 'viewer' }] };
    expect(fault(await as(owner, `PUT ${list}/${client.id}`, elsewhere))).toBe(
      '403 cannot delegate site role outside the selected team',
    );
  });
});

describe('what may be given away', () => {
  it('by a person is no more than the person has on the site', async () => {
    const editor = await createPerson(instance.sql);
    await addMember(instance.sql, teamId, editor, 'member');
    await setSiteRole(instance.sql, site.id, editor, 'editor');
    const give = async (role: string): Promise<Answer> =>
      as(editor, `POST ${PERSONAL}`, { name: 'x', site_roles: [{ site_id: site.id, role }] });
    expect(fault(await give('owner'))).toBe('403 cannot delegate requested site role');
    expect(fault(await give('admin'))).toBe('403 cannot delegate requested site role');
    expect((await give('editor')).status).toBe(201);
    expect((await give('viewer')).status).toBe(201);
  });

  it('is the weaker of a role on the site and one through the team', async () => {
    const weakened = await createPerson(instance.sql);
    await addMember(instance.sql, teamId, weakened, 'owner');
    await setSiteRole(instance.sql, site.id, weakened, 'viewer');
    const answer = await as(weakened, `POST ${PERSONAL}`, {
      name: 'x',
      site_roles: [{ site_id: site.id, role: 'admin' }],
    });
    expect(fault(answer)).toBe('403 cannot delegate requested site role');
  });

  it('by an instance owner is anything, on sites that exist', async () => {
    const root = await createPerson(instance.sql, 'owner');
    const give = (siteId: string): Promise<Answer> =>
      as(root, `POST ${PERSONAL}`, {
        name: 'x',
        instance_role: 'owner',
        site_roles: [{ site_id: siteId, role: 'owner' }],
      });
    expect((await give(site.id)).status).toBe(201);
    expect(fault(await give(randomUUID()))).toBe('403 cannot delegate site role for site without access');
  });
});

describe('a token', () => {
  const aiFetch = (token: string): Promise<Answer> =>
    ask(instance.base, `POST /api/sites/${site.id}/ingest/ai-fetch`, {
      token,
      body: { path: '/', status_code: 200, user_agent: 'GPTBot/1.2' },
    });

  it('of a person who leaves goes on sending pageviews by its grant, and AI fetches no more', async () => {
    const leaver = await createPerson(instance.sql);
    await addMember(instance.sql, teamId, leaver, 'admin');
    const { token } = await make(leaver, PERSONAL, { site_roles: [{ site_id: site.id, role: 'admin' }] });
    expect((await aiFetch(token)).status).toBe(202);
    await as(owner, `DELETE /api/user/teams/${teamId}/members/${leaver.id}`);
    expect((await aiFetch(token)).status).toBe(403);
    expect(await sendPageview(instance.base, token, site.domain)).toBe(202);
  });

  it('of a person is dead when the person is deleted; of a team it outlives its maker', async () => {
    const root = await createPerson(instance.sql, 'owner');
    const maker = await createPerson(instance.sql);
    await addMember(instance.sql, teamId, maker, 'admin');
    const roles = { site_roles: [{ site_id: site.id, role: 'admin' }] };
    const personal = await make(maker, PERSONAL, roles);
    const ofTeam = await make(maker, list, roles);
    for (const { token } of [personal, ofTeam])
      expect(await sendPageview(instance.base, token, site.domain)).toBe(202);
    expect((await as(root, `DELETE /api/users/${maker.id}`)).status).toBe(204);
    expect(await sendPageview(instance.base, personal.token, site.domain)).toBe(401);
    expect(await sendPageview(instance.base, ofTeam.token, site.domain)).toBe(202);
  });

  it('of a team dies with the team', async () => {
    const dying = await createTeamOf(instance.sql, owner);
    const its = await addSite(instance.sql, dying);
    const path = `/api/user/teams/${dying}/api-clients`;
    const { token } = await make(owner, path, { site_roles: [{ site_id: its.id, role: 'admin' }] });
    expect(await sendPageview(instance.base, token, its.domain)).toBe(202);
    expect((await as(owner, `DELETE /api/user/teams/${dying}`)).status).toBe(204);
    expect(await sendPageview(instance.base, token, its.domain)).toBe(401);
    expect(fault(await as(owner, `GET ${path}`))).toBe('403 Access denied');
  });

  it('of a team loses a site that moves to another team', async () => {
    const other = await createTeamOf(instance.sql, owner);
    const moving = await addSite(instance.sql, teamId);
    const { token } = await make(owner, list, { site_roles: [{ site_id: moving.id, role: 'admin' }] });
    expect(await sendPageview(instance.base, token, moving.domain)).toBe(202);
    expect((await as(owner, `PUT /api/sites/${moving.id}`, { team_id: other })).status).toBe(200);
    expect(await sendPageview(instance.base, token, moving.domain)).toBe(403);
    expect((await as(owner, `DELETE /api/sites/${moving.id}`)).status).toBe(204);
    expect(await sendPageview(instance.base, token, moving.domain)).toBe(404);
  });
});
