/** Organization keys and service accounts: the envelope, the fields, and what a key reaches. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addMember,
  addSite,
  ask,
  createPerson,
  createTeamOf,
  sendPageview,
  startInstance,
  type Answer,
  type Instance,
  type Person,
  type Sent,
} from '../setup/administration.ts';

let instance: Instance;
let owner: Person;
let teamId: string;
let site: { id: string; domain: string };

beforeAll(async () => {
  instance = await startInstance();
  owner = await createPerson(instance.sql);
  teamId = await createTeamOf(instance.sql, owner);
  site = await addSite(instance.sql, teamId);
});
afterAll(async () => {
  await instance.close();
});

interface Enveloped {
  readonly code: number;
  readonly message: string;
  readonly requestId: string;
  readonly data: { readonly id: string; readonly key: string; readonly [field: string]: unknown };
}

const send = (request: string, sent: Sent): Promise<Answer> => ask(instance.base, request, sent);

async function makeKey(body: object = {}, sent: Sent = { cookie: owner.cookie }): Promise<Enveloped['data']> {
  const answer = await send('POST /v1/api-keys', { ...sent, body: { name: 'key', ...body } });
  expect(answer.status, answer.text).toBe(200);
  return (answer.body as Enveloped).data;
}

async function makeAccount(): Promise<string> {
  const made = await send('POST /v1/service-accounts', { cookie: owner.cookie, body: { name: 'robot' } });
  return (made.body as Enveloped).data.id;
}

describe('the envelope', () => {
  it('of a new key has exactly these fields, and the key itself', async () => {
    const answer = await send('POST /v1/api-keys', {
      cookie: owner.cookie,
      headers: { 'X-Request-Id': 'mine-1' },
      body: { name: 'key', description: 'text', expiresAt: '2099-01-01T00:00:00Z', scope: 'read-write' },
    });
    const { data } = answer.body as Enveloped;
    expect(answer.body).toEqual({
      code: 200,
      message: 'OK',
      requestId: 'mine-1',
      data: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name: 'key',
        description: 'text',
        key: expect.stringMatching(/^slc_[0-9A-Za-z]{49}$/),
        keyPrefix: `slc_…${data.key.slice(-4)}`,
        scope: 'read-write',
        organizationId: teamId,
        userId: owner.id,
        serviceAccountId: null,
        createdBy: owner.id,
        createdAt: expect.stringMatching(/Z$/),
        expiresAt: '2099-01-01T00:00:00.000Z',
        lastUsedAt: null,
        lastUsedIp: null,
        lastUsedUserAgent: null,
        revokedAt: null,
      },
    });
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    const { key: _, ...rest } = data;
    const shown = await send(`GET /v1/api-keys/${data.id}`, { cookie: owner.cookie });
    expect((shown.body as Enveloped).data).toEqual(rest);
  });

  it.each([
    ['400', 'POST /v1/api-keys', '{"scope":"read"}', 400],
    ['400 for an id', 'GET /v1/api-keys/no-uuid', undefined, 400],
    ['404', `GET /v1/api-keys/${randomUUID()}`, undefined, 404],
    ['404 for an account', 'POST /v1/api-keys', `{"name":"x","serviceAccountId":"${randomUUID()}"}`, 404],
    ['403', `GET /v1/api-keys?organizationId=${randomUUID()}`, undefined, 403],
  ])('is the same for %s', async (_, request, body, status) => {
    const answer = await send(request, { cookie: owner.cookie, ...(body === undefined ? {} : { body }) });
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      code: status,
      message: expect.stringMatching(/\w/),
      requestId: answer.headers.get('x-request-id'),
      data: null,
    });
  });

  it('is the same for 401, with the challenge', async () => {
    const answer = await send('GET /v1/api-keys', {});
    expect(answer.body).toMatchObject({ code: 401, data: null });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('asks which organization is meant when there are several', async () => {
    const busy = await createPerson(instance.sql);
    const teams = [await createTeamOf(instance.sql, busy), await createTeamOf(instance.sql, busy)];
    expect((await send('GET /v1/api-keys', { cookie: busy.cookie })).status).toBe(400);
    const named = await send(`GET /v1/api-keys?organizationId=${teams[1]}`, { cookie: busy.cookie });
    expect(named.status).toBe(200);
  });
});

describe('a key', () => {
  it('writes to all sites of its organization, later ones included, and to no other', async () => {
    const { key } = await makeKey({ scope: 'read-write' });
    expect(await sendPageview(instance.base, key, site.domain)).toBe(202);
    const made = await send('POST /api/sites', {
      cookie: owner.cookie,
      body: { domain: 'later.example.com', team_id: teamId },
    });
    expect(made.status).toBe(201);
    expect(await sendPageview(instance.base, key, 'later.example.com')).toBe(202);
    const stranger = await createPerson(instance.sql);
    const foreign = await addSite(instance.sql, await createTeamOf(instance.sql, stranger));
    expect(await sendPageview(instance.base, key, foreign.domain)).toBe(403);
  });

  it('with the scope read writes nothing', async () => {
    const { key, scope } = await makeKey();
    expect(scope).toBe('read');
    expect(await sendPageview(instance.base, key, site.domain)).toBe(403);
  });

  it('makes keys of its own scope or less, for whom it belongs to', async () => {
    const read = await makeKey();
    const write = await makeKey({ scope: 'read-write' });
    const child = await makeKey({ scope: 'read-write' }, { token: write.key });
    expect(child).toMatchObject({ userId: owner.id, createdBy: owner.id, scope: 'read-write' });
    const beyond = await send('POST /v1/api-keys', {
      token: read.key,
      body: { name: 'x', scope: 'read-write' },
    });
    expect(beyond.status).toBe(403);
    expect((await send(`DELETE /v1/api-keys/${write.id}`, { token: read.key })).status).toBe(403);
    expect(await sendPageview(instance.base, write.key, site.domain)).toBe(202);
  });

  it('that is ended is refused at once, and stays to be seen', async () => {
    const { id, key } = await makeKey({ scope: 'read-write' });
    expect(await sendPageview(instance.base, key, site.domain)).toBe(202);
    const ended = await send(`DELETE /v1/api-keys/${id}`, { cookie: owner.cookie });
    expect((ended.body as Enveloped).data).toMatchObject({
      revokedAt: expect.stringMatching(/Z$/),
      receipt: { pending: [] },
    });
    expect(await sendPageview(instance.base, key, site.domain)).toBe(401);
    expect((await send('GET /v1/api-keys', { token: key })).status).toBe(401);
    const listed = await send('GET /v1/api-keys', { cookie: owner.cookie });
    expect((listed.body as { data: { id: string }[] }).data.map((one) => one.id)).toContain(id);
  });

  it('can end itself', async () => {
    const { id, key } = await makeKey({ scope: 'read-write' });
    expect((await send(`DELETE /v1/api-keys/${id}`, { token: key })).status).toBe(200);
    expect((await send('GET /v1/api-keys', { token: key })).status).toBe(401);
  });

  it('of a person ends when the person is neither owner nor admin any more', async () => {
    const admin = await createPerson(instance.sql);
    await addMember(instance.sql, teamId, admin, 'admin');
    const { key } = await makeKey({ scope: 'read-write' }, { cookie: admin.cookie });
    expect(await sendPageview(instance.base, key, site.domain)).toBe(202);
    const demoted = await send(`PUT /api/user/teams/${teamId}/members/${admin.id}`, {
      cookie: owner.cookie,
      body: { role: 'member' },
    });
    expect(demoted.status).toBe(200);
    expect(await sendPageview(instance.base, key, site.domain)).toBe(401);
    expect((await send('GET /v1/api-keys', { token: key })).status).toBe(401);
  });

  it('that is expired is refused', async () => {
    const { key } = await makeKey({ scope: 'read-write', expiresAt: '2020-01-01T00:00:00Z' });
    expect(await sendPageview(instance.base, key, site.domain)).toBe(401);
    expect((await send('GET /v1/api-keys', { token: key })).status).toBe(401);
  });

  it('is no client of the other surface', async () => {
    const { id } = await makeKey();
    const clients = await send('GET /api/user/api-clients', { cookie: owner.cookie });
    expect(clients.text).not.toContain(id);
    expect((await send(`GET /api/user/api-clients/${id}`, { cookie: owner.cookie })).status).toBe(404);
  });
});

describe('a service account', () => {
  it('owns keys, and takes them along', async () => {
    const account = await makeAccount();
    const { key, userId, serviceAccountId } = await makeKey({
      scope: 'read-write',
      serviceAccountId: account,
    });
    expect([userId, serviceAccountId]).toEqual([null, account]);
    expect(await sendPageview(instance.base, key, site.domain)).toBe(202);
    const child = await makeKey({}, { token: key });
    expect(child).toMatchObject({ userId: null, serviceAccountId: account, createdBy: null });
    const removed = await send(`DELETE /v1/service-accounts/${account}`, { cookie: owner.cookie });
    expect(removed.status).toBe(200);
    for (const token of [key, child.key])
      expect(await sendPageview(instance.base, token, site.domain)).toBe(401);
    const listed = await send('GET /v1/service-accounts', { cookie: owner.cookie });
    expect(listed.text).not.toContain(account);
  });

  it('survives whoever made it', async () => {
    const root = await createPerson(instance.sql, 'owner');
    const maker = await createPerson(instance.sql);
    await addMember(instance.sql, teamId, maker, 'admin');
    const account = await makeAccount();
    const { key } = await makeKey(
      { scope: 'read-write', serviceAccountId: account },
      { cookie: maker.cookie },
    );
    expect((await send(`DELETE /api/users/${maker.id}`, { cookie: root.cookie })).status).toBe(204);
    expect(await sendPageview(instance.base, key, site.domain)).toBe(202);
  });

  it('of another organization cannot be given a key', async () => {
    const stranger = await createPerson(instance.sql);
    await createTeamOf(instance.sql, stranger);
    const account = await makeAccount();
    const answer = await send('POST /v1/api-keys', {
      cookie: stranger.cookie,
      body: { name: 'x', serviceAccountId: account },
    });
    expect(answer.status).toBe(404);
    expect((await send(`DELETE /v1/service-accounts/${account}`, { cookie: stranger.cookie })).status).toBe(
      404,
    );
  });
});

describe('a key that makes keys', () => {
  it('makes none that outlives it', async () => {
    const expiresAt = '2031-05-01T00:00:00.000Z';
    const parent = await makeKey({ scope: 'read-write', expiresAt });
    expect(await makeKey({}, { token: parent.key })).toMatchObject({ expiresAt });
    const sooner = '2031-04-30T00:00:00.000Z';
    expect(await makeKey({ expiresAt: sooner }, { token: parent.key })).toMatchObject({ expiresAt: sooner });
    const later = await send('POST /v1/api-keys', {
      token: parent.key,
      body: { name: 'later', expiresAt: '2031-05-01T00:00:01Z' },
    });
    expect(later.status).toBe(403);
    expect(later.body).toMatchObject({ code: 403, message: expect.stringContaining(expiresAt) });
  });

  it('and may only read, makes and ends those of its own holder alone', async () => {
    const reader = await makeKey();
    const own = await makeKey({}, { token: reader.key });
    const serviceAccountId = await makeAccount();
    const robots = await makeKey({ serviceAccountId });
    const forRobot = { token: reader.key, body: { name: 'x', serviceAccountId } };
    expect((await send('POST /v1/api-keys', forRobot)).status).toBe(403);
    expect((await send(`DELETE /v1/api-keys/${robots.id}`, { token: reader.key })).status).toBe(403);
    expect((await send(`DELETE /v1/api-keys/${own.id}`, { token: reader.key })).status).toBe(200);
  });
});
