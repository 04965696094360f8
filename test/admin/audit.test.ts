import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  startInstance,
  type Answer,
  type Instance,
  type Person,
} from '../setup/administration.ts';

let instance: Instance;
let root: Person;

beforeAll(async () => {
  instance = await startInstance({ SLUICE_TRUSTED_PROXIES: '127.0.0.1' });
  root = await createPerson(instance.sql, 'owner');
});
afterAll(async () => {
  await instance.close();
});

interface Entry {
  readonly sequence: number;
  readonly action: string;
  readonly before: object | null;
  readonly after: object | null;
}

const as = (
  person: Person,
  request: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  ask(instance.base, request, { cookie: person.cookie, headers, ...(body === undefined ? {} : { body }) });

const idOf = (answer: Answer): string => {
  const body = answer.body as { id?: string; client?: { id: string }; data?: { id: string } };
  return body.id ?? body.client?.id ?? body.data?.id ?? '';
};

async function countEntries(): Promise<number> {
  const [row] = await instance.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM audit_log`;
  return row?.count ?? 0;
}

describe('the audit log', () => {
  it('has one entry for every change, with who did it, from where, and what it was', async () => {
    const person = await createPerson(instance.sql);
    const actions: string[] = [];
    const done = async (action: string, request: string, body?: unknown): Promise<Answer> => {
      const before = await countEntries();
      const answer = await as(root, request, body, {
        'X-Forwarded-For': '203.0.113.9',
        'User-Agent': 'curl/8',
        'X-Request-Id': `request-${actions.length}`,
      });
      expect(answer.status, answer.text).toBeLessThan(300);
      expect(await countEntries()).toBe(before + 1);
      const [entry] = await instance.sql`SELECT * FROM audit_log ORDER BY sequence DESC LIMIT 1`;
      expect(entry).toMatchObject({
        action,
        actor_type: 'user',
        actor_id: root.id,
        actor_label: root.email,
        actor_role: 'owner',
        ip: '203.0.113.9',
        user_agent: 'curl/8',
        request_id: `request-${actions.length}`,
      });
      actions.push(action);
      return answer;
    };
    const team = idOf(await done('team.created', 'POST /api/user/teams', { name: 'team' }));
    await done('team.updated', `PUT /api/user/teams/${team}`, { name: 'renamed' });
    await done('team_member.added', `POST /api/user/teams/${team}/members`, {
      user_id: person.id,
      role: 'member',
    });
    await done('team_member.updated', `PUT /api/user/teams/${team}/members/${person.id}`, { role: 'admin' });
    const site = idOf(
      await done('site.created', 'POST /api/sites', { domain: 'audited.example.com', team_id: team }),
    );
    await done('site_member.set', `POST /api/sites/${site}/members`, { user_id: person.id, role: 'viewer' });
    await done('site_member.removed', `DELETE /api/sites/${site}/members/${person.id}`);
    const list = `/api/user/teams/${team}/api-clients`;
    const roles = { site_roles: [{ site_id: site, role: 'admin' }] };
    const client = idOf(await done('api_client.created', `POST ${list}`, { name: 'client', ...roles }));
    await done('api_client.updated', `PUT ${list}/${client}`, { name: 'renamed', ...roles });
    await done('api_client.rotated', `POST ${list}/${client}/rotate`);
    await done('api_client.revoked', `PUT ${list}/${client}`, { name: 'renamed', revoked: true });
    await done('api_client.reactivated', `PUT ${list}/${client}`, { name: 'renamed', revoked: false });
    await done('api_client.deleted', `DELETE ${list}/${client}`);
    const organization = `organizationId=${team}`;
    const account = idOf(
      await done('service_account.created', `POST /v1/service-accounts?${organization}`, { name: 'robot' }),
    );
    await done('service_account.deleted', `DELETE /v1/service-accounts/${account}?${organization}`);
    await done('site.deleted', `DELETE /api/sites/${site}`);
    const user = idOf(
      await done('user.created', 'POST /api/users', {
        email: 'made@example.com',
        password: 'long enough, surely',
      }),
    );
    await done('user.updated', `PUT /api/users/${user}`, { instance_role: 'admin' });
    await done('user.deleted', `DELETE /api/users/${user}`);
    await done('team_member.removed', `DELETE /api/user/teams/${team}/members/${person.id}`);
    await done('team.archived', `DELETE /api/user/teams/${team}`);
  });

  it('tells what was and what is, and never a secret', async () => {
    const team = await createTeamOf(instance.sql, root);
    const list = `/api/user/teams/${team}/api-clients`;
    const made = await as(root, `POST ${list}`, { name: 'before' });
    await as(root, `PUT ${list}/${idOf(made)}`, { name: 'after', description: 'changed' });
    const log = await as(root, `GET /api/user/teams/${team}/audit?target_id=${idOf(made)}`);
    const [updated, created] = log.body as Entry[];
    expect(created).toMatchObject({ action: 'api_client.created', before: null, after: { name: 'before' } });
    expect(updated).toMatchObject({
      before: { name: 'before', description: '' },
      after: { name: 'after', description: 'changed' },
    });
    expect(log.text).not.toContain((made.body as { token: string }).token);
  });

  it('has nothing of what was refused or failed', async () => {
    const before = await countEntries();
    const person = await createPerson(instance.sql);
    const own = (await countEntries()) - before;
    await as(person, 'POST /api/user/teams', { name: 'x' });
    await as(person, 'POST /api/user/api-clients', { name: '' });
    await as(person, 'POST /api/user/api-clients', { name: 'x', instance_role: 'owner' });
    await as(person, 'GET /api/users');
    expect(await countEntries()).toBe(before + own);
  });

  it('and the change are made together or not at all: no token is shown for a client that is not there', async () => {
    const person = await createPerson(instance.sql);
    await instance.sql`ALTER TABLE audit_log ADD CONSTRAINT refuse CHECK (actor_id <> ${instance.sql.unsafe(`'${person.id}'`)}) NOT VALID`;
    const answer = await as(person, 'POST /api/user/api-clients', { name: 'lost' });
    await instance.sql`ALTER TABLE audit_log DROP CONSTRAINT refuse`;
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('slc_');
    expect((await as(person, 'GET /api/user/api-clients')).body).toEqual([]);
  });

  it('comes in pages, newest first, and is filtered', async () => {
    const team = await createTeamOf(instance.sql, root);
    await addSite(instance.sql, team);
    for (const name of ['a', 'b', 'c']) await as(root, `PUT /api/user/teams/${team}`, { name });
    const seen: number[] = [];
    let next: string | undefined = `/api/user/teams/${team}/audit?limit=2`;
    while (next !== undefined) {
      const page: Answer = await as(root, `GET ${next}`);
      seen.push(...(page.body as Entry[]).map(({ sequence }) => sequence));
      next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    }
    expect(seen).toHaveLength(5);
    expect(seen).toEqual(seen.toSorted((one, other) => other - one));
    const renamed = await as(root, `GET /api/user/teams/${team}/audit?action=team.updated`);
    expect((renamed.body as Entry[]).map(({ after }) => after)).toEqual([
      { name: 'c' },
      { name: 'b' },
      { name: 'a' },
    ]);
    expect((await as(root, `GET /api/user/teams/${team}/audit?token_hash=x`)).status).toBe(400);
    expect((await as(root, `GET /api/user/teams/${team}/audit?limit=501`)).status).toBe(400);
    const unsound = await as(root, `GET /api/user/teams/${team}/audit?action=%00`);
    expect([unsound.status, unsound.body]).toMatchObject([400, { field: 'action' }]);
  });
});
