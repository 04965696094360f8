import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  sendPageview,
  startInstance,
  type Answer,
  type Instance,
  type Person,
} from '../setup/administration.ts';

let instance: Instance;
let owner: Person;
let teamId: string;
let site: { id: string; domain: string };
let list: string;

beforeAll(async () => {
  instance = await startInstance();
  owner = await createPerson(instance.sql);
  teamId = await createTeamOf(instance.sql, owner);
  site = await addSite(instance.sql, teamId);
  list = `/api/user/teams/${teamId}/api-clients`;
});
afterAll(async () => {
  await instance.close();
});

interface Made {
  readonly client: { readonly id: string; readonly name: string };
  readonly token: string;
  readonly receipt?: {
    readonly sequence: number;
    readonly applied_by: string[];
    readonly pending: unknown[];
  };
}

async function make(headers: Record<string, string> = {}, body: object = {}): Promise<Made> {
  const answer = await ask(instance.base, `POST ${list}`, {
    cookie: owner.cookie,
    body: { name: 'forwarder', site_roles: [{ site_id: site.id, role: 'admin' }], ...body },
    headers,
  });
  expect(answer.status).toBe(201);
  return answer.body as Made;
}

const put = (id: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(instance.base, `PUT ${list}/${id}`, { cookie: owner.cookie, body, headers });

const rotate = (id: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(instance.base, `POST ${list}/${id}/rotate`, {
    cookie: owner.cookie,
    headers,
    ...(body === undefined ? {} : { body }),
  });

describe('rolling a token', () => {
  it('ends the old one before the answer, and the receipt names this gateway', async () => {
    const made = await make();
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
    const rolled = (await rotate(made.client.id)).body as Made;
    expect(rolled.receipt?.applied_by).toHaveLength(1);
    expect(rolled.receipt?.pending).toEqual([]);
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(401);
    expect(await sendPageview(instance.base, rolled.token, site.domain)).toBe(202);
  });

  it('leaves the old one its grace, until the next roll', async () => {
    const made = await make();
    const second = (await rotate(made.client.id, { grace_seconds: 3600 })).body as Made;
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
    expect(await sendPageview(instance.base, second.token, site.domain)).toBe(202);
    const third = (await rotate(made.client.id, { grace_seconds: 3600 })).body as Made;
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(401);
    expect(await sendPageview(instance.base, second.token, site.domain)).toBe(202);
    expect(await sendPageview(instance.base, third.token, site.domain)).toBe(202);
    await put(made.client.id, { name: 'forwarder', revoked: true });
    expect(await sendPageview(instance.base, second.token, site.domain)).toBe(401);
    expect(await sendPageview(instance.base, third.token, site.domain)).toBe(401);
  });

  it('ends the grace when its time is over', async () => {
    const made = await make();
    await rotate(made.client.id, { grace_seconds: 1 });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
    await expect
      .poll(() => sendPageview(instance.base, made.token, site.domain), { timeout: 20_000 })
      .toBe(401);
  });

  it.each([-1, 86_401, 1.5, '60', null])('refuses a grace of %j', async (grace) => {
    const made = await make();
    const answer = await rotate(made.client.id, { grace_seconds: grace });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field: 'grace_seconds' });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
  });

  it('is refused for a revoked and for an expired client', async () => {
    const revoked = await make();
    await put(revoked.client.id, { name: 'forwarder', revoked: true });
    expect((await rotate(revoked.client.id)).body).toMatchObject({
      status: 409,
      code: 'client_inactive',
      detail: 'API client is revoked or expired',
    });
    const expired = await make({}, { expires_at: '2020-01-01T00:00:00Z' });
    expect((await rotate(expired.client.id)).status).toBe(409);
  });
});

describe('an Idempotency-Key', () => {
  it('brings the same client and token again, and makes nothing twice', async () => {
    const first = await make({ 'Idempotency-Key': 'create-1' });
    const again = await make({ 'Idempotency-Key': 'create-1' });
    expect(again.token).toBe(first.token);
    expect(again.client.id).toBe(first.client.id);
    const rolled = (await rotate(first.client.id, {}, { 'Idempotency-Key': 'roll-1' })).body as Made;
    const repeated = (await rotate(first.client.id, {}, { 'Idempotency-Key': 'roll-1' })).body as Made;
    expect(repeated.token).toBe(rolled.token);
    expect(rolled.token).not.toBe(first.token);
    expect(await sendPageview(instance.base, rolled.token, site.domain)).toBe(202);
  });

  it('gives two requests at the same time one token', async () => {
    const made = await make();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => rotate(made.client.id, {}, { 'Idempotency-Key': 'at-once' })),
    );
    expect(new Set(answers.map((answer) => (answer.body as Made).token)).size).toBe(1);
  });

  it('is refused for another request, and when the token has been replaced since', async () => {
    const first = await make({ 'Idempotency-Key': 'create-2' });
    const other = await ask(instance.base, `POST ${list}`, {
      cookie: owner.cookie,
      body: { name: 'another' },
      headers: { 'Idempotency-Key': 'create-2' },
    });
    expect(other.body).toMatchObject({ status: 409, code: 'key_reused' });
    await rotate(first.client.id);
    const late = await ask(instance.base, `POST ${list}`, {
      cookie: owner.cookie,
      body: { name: 'forwarder', site_roles: [{ site_id: site.id, role: 'admin' }] },
      headers: { 'Idempotency-Key': 'create-2' },
    });
    expect(late.body).toMatchObject({ status: 409, code: 'conflict' });
  });

  it('belongs to whoever used it', async () => {
    const first = await make({ 'Idempotency-Key': 'mine' });
    const stranger = await createPerson(instance.sql);
    const answer = await ask(instance.base, 'POST /api/user/api-clients', {
      cookie: stranger.cookie,
      body: { name: 'forwarder' },
      headers: { 'Idempotency-Key': 'mine' },
    });
    expect(answer.status).toBe(201);
    expect((answer.body as Made).token).not.toBe(first.token);
  });
});

describe('a change', () => {
  it('with an outdated If-Match is refused, and nothing is changed', async () => {
    const made = await make();
    const read = await ask(instance.base, `GET ${list}/${made.client.id}`, { cookie: owner.cookie });
    const tag = read.headers.get('etag') ?? '';
    expect((await put(made.client.id, { name: 'first' }, { 'If-Match': tag })).status).toBe(200);
    const second = await put(made.client.id, { name: 'second' }, { 'If-Match': tag });
    expect(second.body).toMatchObject({ status: 412, code: 'version_outdated' });
    const after = await ask(instance.base, `GET ${list}/${made.client.id}`, { cookie: owner.cookie });
    expect(after.body).toMatchObject({ name: 'first' });
    const removal = await ask(instance.base, `DELETE ${list}/${made.client.id}`, {
      cookie: owner.cookie,
      headers: { 'If-Match': tag },
    });
    expect(removal.status).toBe(412);
  });

  it('replaces all: what is omitted is cleared, and revocation stays as it was', async () => {
    const made = await make({}, { description: 'text', expires_at: '2099-01-01T00:00:00Z' });
    await put(made.client.id, { name: 'forwarder', revoked: true });
    const answer = await put(made.client.id, { name: 'renamed' });
    expect(answer.body).toMatchObject({ name: 'renamed', description: '', site_roles: [] });
    expect(answer.body).not.toHaveProperty('expires_at');
    expect(answer.body).toHaveProperty('revoked_at');
  });

  it('brings a revoked token back, as HitKeep does', async () => {
    const made = await make();
    const roles = { site_roles: [{ site_id: site.id, role: 'admin' }] };
    const revoked = await put(made.client.id, { name: 'forwarder', revoked: true, ...roles });
    expect(revoked.body).toHaveProperty('receipt.sequence');
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(401);
    await put(made.client.id, { name: 'forwarder', revoked: false, ...roles });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
  });

  it('of the grants reaches the next request', async () => {
    const made = await make();
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
    await put(made.client.id, { name: 'forwarder', site_roles: [{ site_id: site.id, role: 'viewer' }] });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(403);
    await put(made.client.id, { name: 'forwarder' });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(403);
  });

  it('and its deletion end the token, with a receipt for who asks for one', async () => {
    const made = await make();
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(202);
    const answer = await ask(instance.base, `DELETE ${list}/${made.client.id}`, {
      cookie: owner.cookie,
      headers: { Prefer: 'return=representation' },
    });
    expect(answer.body).toMatchObject({ receipt: { pending: [], bound_ms: 30_000 } });
    expect(await sendPageview(instance.base, made.token, site.domain)).toBe(401);
    const link = /<([^>]+)>; rel="status"/.exec(answer.headers.get('link') ?? '')?.[1] ?? '';
    const receipt = await ask(instance.base, `GET ${link}`, { cookie: owner.cookie });
    expect(receipt.body).toMatchObject({ pending: [] });
  });
});

describe('the list', () => {
  it('comes in pages that leave nothing out and show nothing twice', async () => {
    const person = await createPerson(instance.sql);
    const names = Array.from({ length: 7 }, (_, index) => `client ${index}`);
    for (const name of names)
      await ask(instance.base, 'POST /api/user/api-clients', { cookie: person.cookie, body: { name } });
    const seen: string[] = [];
    let next: string | undefined = '/api/user/api-clients?limit=3';
    while (next !== undefined) {
      const page: Answer = await ask(instance.base, `GET ${next}`, { cookie: person.cookie });
      seen.push(...(page.body as { name: string }[]).map(({ name }) => name));
      next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    }
    expect(seen).toEqual(names.toReversed());
  });

  it('is filtered by state and by site', async () => {
    const person = await createPerson(instance.sql);
    const team = await createTeamOf(instance.sql, person);
    const other = await addSite(instance.sql, team);
    const path = `/api/user/teams/${team}/api-clients`;
    const create = (body: object): Promise<Answer> =>
      ask(instance.base, `POST ${path}`, { cookie: person.cookie, body });
    await create({ name: 'active', site_roles: [{ site_id: other.id, role: 'viewer' }] });
    await create({ name: 'expired', expires_at: '2020-01-01T00:00:00Z' });
    const revoked = (await create({ name: 'revoked' })).body as Made;
    await ask(instance.base, `PUT ${path}/${revoked.client.id}`, {
      cookie: person.cookie,
      body: { name: 'revoked', revoked: true },
    });
    const names = async (query: string): Promise<string[]> => {
      const answer = await ask(instance.base, `GET ${path}?${query}`, { cookie: person.cookie });
      return (answer.body as { name: string }[]).map(({ name }) => name);
    };
    expect(await names('state=active')).toEqual(['active']);
    expect(await names('state=expired')).toEqual(['expired']);
    expect(await names('state=revoked')).toEqual(['revoked']);
    expect(await names(`site_id=${other.id}`)).toEqual(['active']);
    expect(await names('')).toEqual(['revoked', 'expired', 'active']);
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'cursor=x', 'state=gone', 'site_id=1', 'other=1'])(
    'refuses %s, naming it',
    async (query) => {
      const answer = await ask(instance.base, `GET ${list}?${query}`, { cookie: owner.cookie });
      expect(answer.body).toMatchObject({ status: 400, field: query.split('=')[0] });
    },
  );
});
