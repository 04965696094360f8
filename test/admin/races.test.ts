/**
 * Changes at the same time: what is announced must be all that changed. Each test holds one change in the middle of its
 * transaction while another one begins.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashToken } from '../../src/grants/token.ts';
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
} from '../setup/administration.ts';
import { holdOpen } from '../setup/database.ts';

let instance: Instance;
let owner: Person;

beforeAll(async () => {
  instance = await startInstance();
  owner = await createPerson(instance.sql);
});
afterAll(async () => {
  await instance.close();
});

/** Runs `first` up to its announcement, starts `second`, and lets both go once `second` waits or is done. */
async function overlap(
  first: () => Promise<Answer>,
  second: () => Promise<Answer>,
): Promise<[Answer, Answer]> {
  const announcements = 0x7265766f;
  const release = await holdOpen(instance.sql, `SELECT pg_advisory_xact_lock(${announcements})`);
  try {
    const one = first();
    await expect.poll(countWaiting, { timeout: 20_000 }).toBe(1);
    const other = second();
    let isDone = false;
    void other.then(() => (isDone = true));
    await expect.poll(async () => isDone || (await countWaiting()) === 2, { timeout: 20_000 }).toBe(true);
    await release();
    return [await one, await other];
  } finally {
    await release();
  }
}

/** Of the gateway's sessions, those that wait for any lock. */
async function countWaiting(): Promise<number> {
  const [row] = await instance.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return row?.count ?? 0;
}

const as = (person: Person, request: string, body?: object): Promise<Answer> =>
  ask(instance.base, request, { cookie: person.cookie, ...(body === undefined ? {} : { body }) });

const tokenOf = (answer: Answer): string => (answer.body as { token?: string }).token ?? '';

/** What was announced of a token: a gateway that missed one of these could go on believing what was before it. */
async function readVersions(token: string): Promise<number[]> {
  const rows = await instance.sql<{ version: number }[]>`
    SELECT version::int FROM revocation_log WHERE subject = ${hashToken(token)} ORDER BY seq`;
  return rows.map(({ version }) => version);
}

async function aiFetch(token: string, siteId: string): Promise<number> {
  const answer = await ask(instance.base, `POST /api/sites/${siteId}/ingest/ai-fetch`, {
    token,
    body: { path: '/', status_code: 200, user_agent: 'GPTBot/1.2' },
  });
  return answer.status;
}

describe('at the same time', () => {
  it('a client made for a team that is being archived is dead', async () => {
    const team = await createTeamOf(instance.sql, owner);
    const site = await addSite(instance.sql, team);
    const [made, archived] = await overlap(
      () =>
        as(owner, `POST /api/user/teams/${team}/api-clients`, {
          name: 'late',
          site_roles: [{ site_id: site.id, role: 'admin' }],
        }),
      () => as(owner, `DELETE /api/user/teams/${team}`),
    );
    expect([made.status, archived.status]).toEqual([201, 204]);
    expect(await readVersions(tokenOf(made))).toEqual([1, 2]);
    expect(await sendPageview(instance.base, tokenOf(made), site.domain)).toBe(401);
  });

  it('a role that somebody who is being removed gives to a client is worth nothing', async () => {
    const team = await createTeamOf(instance.sql, owner);
    const site = await addSite(instance.sql, team);
    const leaver = await createPerson(instance.sql);
    await addMember(instance.sql, team, leaver, 'admin');
    const body = { name: 'late', instance_role: 'user', site_roles: [{ site_id: site.id, role: 'admin' }] };
    const before = await as(leaver, 'POST /api/user/api-clients', { name: 'before' });
    const { id } = (before.body as { client: { id: string } }).client;
    const [updated, removed] = await overlap(
      () => as(leaver, `PUT /api/user/api-clients/${id}`, body),
      () => as(owner, `DELETE /api/user/teams/${team}/members/${leaver.id}`),
    );
    expect([updated.status, removed.status]).toEqual([200, 204]);
    expect(await readVersions(tokenOf(before))).toEqual([1, 2, 3]);
    expect(await aiFetch(tokenOf(before), site.id)).toBe(403);
  });

  it('a token that is rolled while its user is being deleted is dead', async () => {
    const root = await createPerson(instance.sql, 'owner');
    const team = await createTeamOf(instance.sql, owner);
    const site = await addSite(instance.sql, team);
    const user = await createPerson(instance.sql);
    await addMember(instance.sql, team, user, 'admin');
    const made = await as(user, 'POST /api/user/api-clients', {
      name: 'rolled',
      site_roles: [{ site_id: site.id, role: 'admin' }],
    });
    const { id } = (made.body as { client: { id: string } }).client;
    const [rolled, deleted] = await overlap(
      () => as(user, `POST /api/user/api-clients/${id}/rotate`),
      () => as(root, `DELETE /api/users/${user.id}`),
    );
    expect([rolled.status, deleted.status]).toEqual([200, 204]);
    expect(await readVersions(tokenOf(rolled))).toEqual([2, 3]);
    expect(await sendPageview(instance.base, tokenOf(made), site.domain)).toBe(401);
    expect(await sendPageview(instance.base, tokenOf(rolled), site.domain)).toBe(401);
  });

  it('a token that is reported as leaked by its old text, out of grace, leaves the new one alone', async () => {
    const team = await createTeamOf(instance.sql, owner);
    const site = await addSite(instance.sql, team);
    const path = `/api/user/teams/${team}/api-clients`;
    const made = await as(owner, `POST ${path}`, {
      name: 'x',
      site_roles: [{ site_id: site.id, role: 'admin' }],
    });
    const { id } = (made.body as { client: { id: string } }).client;
    const rolled = await as(owner, `POST ${path}/${id}/rotate`, { grace_seconds: 60 });
    await instance.sql`UPDATE api_clients SET previous_expires_at = now() - interval '1 second' WHERE id = ${id}`;
    await ask(instance.base, 'POST /api/tokens/revoke-leaked', { body: { tokens: [tokenOf(made)] } });
    expect(await sendPageview(instance.base, tokenOf(rolled), site.domain)).toBe(202);
  });
});
