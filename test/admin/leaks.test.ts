import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGithubKeys } from '../../src/admin/leaks/github.ts';
import { hashToken } from '../../src/grants/token.ts';
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

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const KEY_ID = 'f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d';

let github: Server;
let githubUrl: string;
let fetches = 0;
let instance: Instance;
let owner: Person;
let teamId: string;
let site: { id: string; domain: string };

beforeAll(async () => {
  github = createServer((_, response) => {
    fetches++;
    const key = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    response.end(JSON.stringify({ public_keys: [{ key_identifier: KEY_ID, key, is_current: true }] }));
  });
  await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve));
  const address = github.address();
  githubUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/keys`;
  instance = await startInstance({ SLUICE_GITHUB_KEYS_URL: githubUrl, SLUICE_TRUSTED_PROXIES: '127.0.0.1' });
  owner = await createPerson(instance.sql);
  teamId = await createTeamOf(instance.sql, owner);
  site = await addSite(instance.sql, teamId);
});
afterAll(async () => {
  await instance.close();
  github.close();
});

async function makeClient(): Promise<{ id: string; token: string }> {
  const made = await ask(instance.base, `POST /api/user/teams/${teamId}/api-clients`, {
    cookie: owner.cookie,
    body: { name: 'leaky', site_roles: [{ site_id: site.id, role: 'admin' }] },
  });
  const { client, token } = made.body as { client: { id: string }; token: string };
  return { id: client.id, token };
}

const report = (tokens: unknown, network = 1): Promise<Answer> =>
  ask(instance.base, 'POST /api/tokens/revoke-leaked', {
    body: { tokens },
    headers: { 'X-Forwarded-For': `198.51.${network}.1` },
  });

const send = (token: string): Promise<number> => sendPageview(instance.base, token, site.domain);

describe('a report of leaked tokens', () => {
  it('ends them, and tells nobody whether they were any', async () => {
    const { token } = await makeClient();
    const other = await makeClient();
    expect(await send(token)).toBe(202);
    const real = await report([token]);
    const fake = await report([`${token.slice(0, -1)}!`]);
    expect(real.status).toBe(202);
    expect([real.status, real.text]).toEqual([fake.status, fake.text]);
    expect(await send(token)).toBe(401);
    expect(await send(other.token)).toBe(202);
  });

  it('ends a client by its old token in grace, and a key', async () => {
    const { id, token } = await makeClient();
    const rolled = await ask(instance.base, `POST /api/user/teams/${teamId}/api-clients/${id}/rotate`, {
      cookie: owner.cookie,
      body: { grace_seconds: 3600 },
    });
    const key = await ask(instance.base, 'POST /v1/api-keys', {
      cookie: owner.cookie,
      body: { name: 'leaky', scope: 'read-write' },
    });
    const tokens = [
      (rolled.body as { token: string }).token,
      (key.body as { data: { key: string } }).data.key,
    ];
    for (const good of [token, ...tokens]) expect(await send(good)).toBe(202);
    await report([token, tokens[1]]);
    for (const ended of [token, ...tokens]) expect(await send(ended)).toBe(401);
  });

  it('is in the audit log, where the hash of the token finds it', async () => {
    const { id, token } = await makeClient();
    await report([token]);
    await report([token]);
    const found = await ask(
      instance.base,
      `GET /api/user/teams/${teamId}/audit?token_hash=${hashToken(token)}`,
      {
        cookie: owner.cookie,
      },
    );
    expect(found.body).toMatchObject([
      {
        action: 'api_client.revoked',
        actor_type: 'anonymous',
        actor_label: 'leaked token report',
        target_id: id,
      },
      { action: 'api_client.created' },
    ]);
  });

  it.each([[[]], ['x'], [[7]], [Array.from({ length: 1001 }, () => 'x')], [undefined]])(
    'of %j is refused',
    async (tokens) => {
      expect((await report(tokens, 2)).status).toBe(400);
    },
  );

  it('is taken 60 times an hour from one network', async () => {
    for (let count = 0; count < 60; count++) expect((await report(['x'], 3)).status).toBe(202);
    expect((await report(['x'], 3)).status).toBe(429);
    expect((await report(['x'], 4)).status).toBe(202);
  });
});

describe('a report by GitHub', () => {
  function sign(body: string): string {
    return createSign('SHA256').update(body).sign(privateKey, 'base64');
  }

  const deliver = (body: string, signature: string, keyId = KEY_ID): Promise<Answer> =>
    ask(instance.base, 'POST /api/tokens/github-secret-scanning', {
      body,
      headers: { 'Github-Public-Key-Identifier': keyId, 'Github-Public-Key-Signature': signature },
    });

  it('that is signed ends true findings, and says which they were', async () => {
    const { token } = await makeClient();
    const body = JSON.stringify([
      { token, type: 'sluice_token', url: 'https://github.com/x/y', source: 'content' },
      { token: 'slc_nothing', type: 'sluice_token', url: '', source: 'content' },
    ]);
    const answer = await deliver(body, sign(body));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual([
      {
        token_hash: createHash('sha256').update(token).digest('base64'),
        token_type: 'sluice_token',
        label: 'true_positive',
      },
      expect.objectContaining({ label: 'false_positive' }),
    ]);
    expect(await send(token)).toBe(401);
  });

  it("whose signature is not GitHub's is refused, and ends nothing", async () => {
    const { token } = await makeClient();
    const body = JSON.stringify([{ token, type: 'sluice_token' }]);
    const before = fetches;
    const attempts = [
      deliver(body, sign(`${body} `)),
      deliver(`${body} `, sign(body)),
      deliver(body, 'no base64 !'),
      deliver(body, ''),
      deliver(body, sign(body), 'unknown'),
      deliver(body, sign(body), ''),
    ];
    for (const attempt of attempts) expect((await attempt).status).toBe(401);
    expect(await send(token)).toBe(202);
    // Unknown key ids do not make the gateway knock at GitHub's door again and again.
    expect(fetches).toBe(before);
  });

  it('that is signed and no report is refused', async () => {
    for (const body of ['{}', 'x', '[{"token":7,"type":"x"}]', '[null]'])
      expect((await deliver(body, sign(body))).status).toBe(400);
  });

  it('cannot be checked while the keys cannot be read, and a key that was read stays good', async () => {
    let nowMs = 0;
    const keys = createGithubKeys('http://127.0.0.1:1/none', () => nowMs);
    const body = Buffer.from('[]');
    expect(await keys.verify(body, KEY_ID, sign('[]'))).toBe('unavailable');
    const good = createGithubKeys(githubUrl, () => nowMs);
    expect(await good.verify(body, KEY_ID, sign('[]'))).toBe('valid');
    const before = fetches;
    nowMs = 59_000;
    expect(await good.verify(body, 'other', sign('[]'))).toBe('invalid');
    expect(fetches).toBe(before);
    nowMs = 61_000;
    expect(await good.verify(body, 'other', sign('[]'))).toBe('invalid');
    expect(fetches).toBe(before + 1);
  });
});
