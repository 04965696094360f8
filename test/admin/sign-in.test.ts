import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import argon2 from 'argon2';
import { createPasswords } from '../../src/admin/sign-in/password.ts';
import { judgeOrigin } from '../../src/admin/sign-in/origin.ts';
import { loadSecrets } from '../../src/admin/sign-in/secret.ts';
import { createSessions } from '../../src/admin/sign-in/session.ts';
import { ask, createPerson, startInstance, type Answer, type Instance } from '../setup/administration.ts';

const SECRET = 'a secret of the tests, long enough to be one';
const EMAIL = 'Somebody@Example.com';
const PASSWORD = 'correct horse battery';

let instance: Instance;
let hash: string;
let proxied = 0;

beforeAll(async () => {
  // Limits are by network: each test comes from one of its own.
  instance = await startInstance({ SLUICE_TRUSTED_PROXIES: '127.0.0.1' });
  hash = await (await createPasswords()).hash(PASSWORD);
  await addUser(EMAIL);
});
afterAll(async () => {
  await instance.close();
});
afterEach(() => {
  proxied++;
});

async function addUser(email: string, passwordHash: string | null = hash): Promise<void> {
  await instance.sql`
    INSERT INTO users (id, email, password_hash) VALUES (gen_random_uuid(), ${email}, ${passwordHash})`;
}

const from = (): Record<string, string> => ({ 'X-Forwarded-For': `198.51.${proxied}.7` });

const signIn = (email: string, password: string, headers: Record<string, string> = from()): Promise<Answer> =>
  ask(instance.base, 'POST /api/auth/login', { headers, body: { email, password } });

const cookieOf = (answer: Answer): string => answer.headers.get('set-cookie')?.split(';')[0] ?? '';
const whoami = (cookie: string): Promise<Answer> => ask(instance.base, 'GET /api/user', { cookie });

describe('signing in', () => {
  it('brings a cookie that is good, for no script and no other site', async () => {
    const answer = await signIn('somebody@example.COM', PASSWORD);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(
      /^hk_token=[\w-]+\.[\w-]+\.[\w-]+; Max-Age=900; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    expect((await whoami(cookieOf(answer))).body).toMatchObject({
      email: EMAIL,
      instance_role: 'user',
      teams: [],
    });
    const claims = JSON.parse(
      Buffer.from(cookieOf(answer).split('.')[1] ?? '', 'base64url').toString(),
    ) as Record<string, unknown>;
    expect(Object.keys(claims).toSorted()).toEqual(['aud', 'exp', 'iat', 'iss', 'sid', 'user_id']);
    expect(claims).toMatchObject({ iss: 'http://sluice.test', aud: 'http://sluice.test' });
  });

  it('answers an unknown address, a wrong password and a user without one alike, after the same work', async () => {
    await addUser('none@example.com', null);
    await addUser('foreign@example.com', '$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy');
    const verify = vi.spyOn(argon2, 'verify');
    const answers = await Promise.all(
      [EMAIL, 'nobody@example.com', 'none@example.com', 'foreign@example.com'].map((email) =>
        signIn(email, 'wrong'),
      ),
    );
    expect(verify).toHaveBeenCalledTimes(4);
    verify.mockRestore();
    const shape = ({ status, text, headers }: Answer): object => ({
      status,
      text,
      headers: [...headers.keys()].filter((name) => name !== 'x-request-id'),
    });
    expect(new Set(answers.map((answer) => JSON.stringify(shape(answer)))).size).toBe(1);
    expect(answers[0]?.body).toMatchObject({ status: 401, code: 'credentials_wrong' });
  });

  it('is refused for a while after five wrong passwords for one account from one network', async () => {
    await addUser('guessed@example.com');
    for (let guess = 0; guess < 5; guess++)
      expect((await signIn('guessed@example.com', 'wrong')).status).toBe(401);
    const sixth = await signIn('guessed@example.com', PASSWORD);
    expect(sixth.body).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThan(0);
    // Somebody else is not locked out by that, and neither is the user from elsewhere.
    expect((await signIn(EMAIL, PASSWORD)).status).toBe(200);
    expect((await signIn('guessed@example.com', PASSWORD, { 'X-Forwarded-For': '203.0.113.9' })).status).toBe(
      200,
    );
  });

  it('is limited for addresses that do not exist just the same', async () => {
    const statuses: number[] = [];
    for (let guess = 0; guess < 6; guess++)
      statuses.push((await signIn('ghost@example.com', 'wrong')).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it.each([
    [{ email: 'a\0@example.com', password: 'x' }, 401],
    [{ email: '\u202e@example.com', password: 'x' }, 401],
    [{ email: '\ud800@example.com', password: 'x' }, 401],
    [{ email: 'x'.repeat(1001), password: 'x' }, 400],
    [{ email: EMAIL, password: 'x'.repeat(201) }, 400],
    [{ email: EMAIL }, 400],
    [{ email: EMAIL, password: 7 }, 400],
    [{ email: EMAIL, password: PASSWORD, more: 1 }, 400],
  ])('with %j is answered with %i', async (body, status) => {
    const answer = await ask(instance.base, 'POST /api/auth/login', { headers: from(), body });
    expect(answer.status).toBe(status);
  });
});

describe('a session', () => {
  it('is over with signing out, whoever still has the cookie', async () => {
    const cookie = cookieOf(await signIn(EMAIL, PASSWORD));
    const other = cookieOf(await signIn(EMAIL, PASSWORD));
    const out = await ask(instance.base, 'POST /api/auth/logout', { cookie });
    expect(out.headers.get('set-cookie')).toMatch(/^hk_token=; Max-Age=0; Path=\//);
    expect((await whoami(cookie)).status).toBe(401);
    expect((await whoami(other)).status).toBe(200);
  });

  it('is over with a new password, all but the one that asked for it', async () => {
    await addUser('changing@example.com');
    const before = [
      await signIn('changing@example.com', PASSWORD),
      await signIn('changing@example.com', PASSWORD),
    ].map((answer) => cookieOf(answer));
    const change = (current: string): Promise<Answer> =>
      ask(instance.base, 'PUT /api/user/password', {
        cookie: before[0] ?? '',
        headers: from(),
        body: { current_password: current, new_password: 'another horse battery' },
      });
    expect((await change('wrong')).status).toBe(401);
    const changed = await change(PASSWORD);
    expect(changed.status).toBe(204);
    for (const cookie of before) expect((await whoami(cookie)).status).toBe(401);
    expect((await whoami(cookieOf(changed))).status).toBe(200);
    expect((await signIn('changing@example.com', PASSWORD)).status).toBe(401);
    expect((await signIn('changing@example.com', 'another horse battery')).status).toBe(200);
  });

  it('is renewed by use once a part of its time is over, and not before', async () => {
    const { sessionKey } = await loadSecrets(instance.sql, SECRET);
    const person = await createPerson(instance.sql);
    const mint = async (sessionMs: number): Promise<string> => {
      const sessions = createSessions(
        { publicUrl: 'http://sluice.test', sessionMs, key: sessionKey },
        instance.sql,
      );
      return (await sessions.open(instance.sql, person.id)).split(';')[0] ?? '';
    };
    expect((await whoami(await mint(900_000))).headers.get('set-cookie')).toBeNull();
    vi.useFakeTimers({ now: Date.now() - 300_000, toFake: ['Date'] });
    const older = await mint(900_000);
    vi.useRealTimers();
    expect((await whoami(older)).headers.get('set-cookie')).toMatch(/^hk_token=.+Max-Age=900/);
    vi.useFakeTimers({ now: Date.now() - 901_000, toFake: ['Date'] });
    const over = await mint(900_000);
    vi.useRealTimers();
    expect((await whoami(over)).status).toBe(401);
  });

  it('ends after 12 hours however active it is', async () => {
    const cookie = cookieOf(await signIn(EMAIL, PASSWORD));
    const [row] = await instance.sql<{ hours: number }[]>`
      SELECT extract(epoch FROM expires_at - created_at)::float8 / 3600 AS hours FROM sessions ORDER BY created_at DESC LIMIT 1`;
    expect(row?.hours).toBe(12);
    await instance.sql`UPDATE sessions SET expires_at = now() - interval '1 second'`;
    expect((await whoami(cookie)).status).toBe(401);
  });

  it('cannot be forged', async () => {
    const person = await createPerson(instance.sql);
    const { sessionKey } = await loadSecrets(instance.sql, SECRET);
    const claims = JSON.parse(
      Buffer.from(person.cookie.split('.')[1] ?? '', 'base64url').toString(),
    ) as Record<string, string>;
    const issue = (more: {
      key?: Uint8Array;
      issuer?: string;
      audience?: string;
      without?: string;
      userId?: string;
    }) => {
      const jwt = new SignJWT({ user_id: more.userId ?? claims['user_id'], sid: claims['sid'] })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(more.issuer ?? 'http://sluice.test')
        .setAudience(more.audience ?? 'http://sluice.test')
        .setIssuedAt();
      return (more.without === 'exp' ? jwt : jwt.setExpirationTime('5m')).sign(more.key ?? sessionKey);
    };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const body = part({ ...claims, exp: now + 86_400 });
    const [head = '', payload = ''] = person.cookie.replace('hk_token=', '').split('.');
    const other = await createPerson(instance.sql);
    const forged = [
      `${part({ alg: 'none' })}.${body}.`,
      `${head}.${payload}.`,
      `${head}.${body}.${person.cookie.split('.')[2] ?? ''}`,
      `${part({ alg: 'HS256' })}.${body}.${createHmac('sha256', 'guess').update('x').digest('base64url')}`,
      await issue({ key: new Uint8Array(32) }),
      await issue({ issuer: 'http://other.test' }),
      await issue({ audience: 'http://other.test' }),
      await issue({ without: 'exp' }),
      // Well signed, and the session is not that user's.
      await issue({ userId: other.id }),
      'x',
      '',
    ];
    expect((await whoami(`hk_token=${await issue({})}`)).status).toBe(200);
    for (const token of forged) expect((await whoami(`hk_token=${token}`)).status).toBe(401);
  });
});

describe('a request that a browser sends', () => {
  const PUBLIC = 'https://sluice.example.com';
  const fields = (site: string, origin: string, host = 'internal:8080'): Record<string, string> => ({
    'sec-fetch-site': site,
    origin,
    host,
  });
  it.each([
    ['from a page of the same origin', fields('same-origin', PUBLIC), true],
    ['typed in by the user', fields('none', ''), true],
    ['from another site', fields('cross-site', 'https://evil.example'), false],
    ['from another subdomain', fields('same-site', 'https://other.example.com'), false],
    ['without metadata, with the public origin', fields('', PUBLIC), true],
    ['without metadata, with the origin of the host', fields('', 'http://internal:8080'), true],
    ['without metadata, with a foreign origin', fields('', 'https://evil.example'), false],
    ['with an origin that is none', fields('', 'null'), false],
    ['without any of it, as programs do', fields('', ''), true],
  ])('%s', (_, given, isTaken) => {
    expect(judgeOrigin('post', given, PUBLIC) === null).toBe(isTaken);
    expect(judgeOrigin('get', given, PUBLIC)).toBeNull();
  });

  it('with a cookie from another origin is answered with 404, and changes nothing', async () => {
    const person = await createPerson(instance.sql);
    const request = {
      cookie: person.cookie,
      body: { name: 'stolen' },
      headers: { 'Sec-Fetch-Site': 'cross-site' },
    };
    expect((await ask(instance.base, 'POST /api/user/api-clients', request)).body).toMatchObject({
      status: 404,
      code: 'cross_origin',
    });
    expect((await ask(instance.base, 'POST /v1/api-keys', request)).status).toBe(404);
    expect((await signIn(EMAIL, PASSWORD, { ...from(), Origin: 'https://evil.example' })).status).toBe(404);
    const list = await ask(instance.base, 'GET /api/user/api-clients', { cookie: person.cookie });
    expect(list.body).toEqual([]);
  });
});

describe('the first user', () => {
  it('is made from the settings once, and is no more when there is somebody', async () => {
    const settings = { SLUICE_ADMIN_EMAIL: 'root@example.com', SLUICE_ADMIN_PASSWORD: 'the first password' };
    const fresh = await startInstance(settings);
    const login = (email: string): Promise<Answer> =>
      ask(fresh.base, 'POST /api/auth/login', { body: { email, password: 'the first password' } });
    const first = await login('root@example.com');
    expect(first.body).toMatchObject({ user: { instance_role: 'owner' } });
    const teams = await ask(fresh.base, 'GET /api/user/teams', { cookie: cookieOf(first) });
    expect(teams.body).toMatchObject([{ is_default: true, role: 'owner' }]);
    const again = await startInstance(
      { ...settings, SLUICE_ADMIN_EMAIL: 'second@example.com' },
      fresh.database,
    );
    expect((await login('second@example.com')).status).toBe(401);
    await again.close();
    await fresh.close();
  });

  it('has a cookie for https alone when people come by https', async () => {
    const secure = await startInstance({
      SLUICE_PUBLIC_URL: 'https://sluice.example.com',
      SLUICE_ADMIN_EMAIL: 'root@example.com',
      SLUICE_ADMIN_PASSWORD: 'the first password',
    });
    const answer = await ask(secure.base, 'POST /api/auth/login', {
      body: { email: 'root@example.com', password: 'the first password' },
    });
    expect(answer.headers.get('set-cookie')).toMatch(/; HttpOnly; Secure; SameSite=Lax$/);
    await secure.close();
  });
});
