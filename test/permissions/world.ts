/** A team, a site, and everybody in the table, made anew. */
import { randomBytes } from 'node:crypto';
import { createClient, type KeyWanted } from '../../src/admin/clients/change.ts';
import type { Owner } from '../../src/admin/clients/client.ts';
import { archiveTeam, setMember } from '../../src/admin/teams/team.ts';
import { changeAs } from '../../src/cli/admin/author.ts';
import type { SiteRole } from '../../src/grants/grant.ts';
import { createToken } from '../../src/grants/token.ts';
import type { Sql } from '../../src/store/connect.ts';
import {
  addMember,
  addSite,
  createPerson,
  createTeamOf,
  setSiteRole,
  signIn,
} from '../setup/administration.ts';
import type { Caller } from './table.ts';

export interface World {
  readonly credentials: Readonly<Record<Caller, { readonly cookie?: string; readonly token?: string }>>;
  /** What {team}, {site} … stand for. */
  readonly names: Readonly<Record<string, string>>;
}

interface MadeClient {
  readonly id: string;
  readonly token: string;
}

export async function createWorld(sql: Sql): Promise<World> {
  const people = await createPeople(sql);
  const team = await createTeamOf(sql, people.teamOwner);
  for (const name of ['viewer', 'editor', 'siteAdmin', 'siteOwner', 'member', 'someMember'] as const)
    await addMember(sql, team, people[name], 'member');
  await addMember(sql, team, people.teamAdmin, 'admin');
  await addMember(sql, team, people.someOwner, 'owner');
  await addMember(sql, team, people.former, 'owner');
  const site = await addSite(sql, team);
  const roles = { viewer: 'viewer', editor: 'editor', siteAdmin: 'admin', siteOwner: 'owner' } as const;
  for (const name of ['viewer', 'editor', 'siteAdmin', 'siteOwner'] as const)
    await setSiteRole(sql, site.id, people[name], roles[name]);
  const left = { user_id: people.former.id, email: people.former.email };
  await changeAs(sql, 'test', (change) => setMember(change, team, left, 'owner', null));
  const otherTeam = await createTeamOf(sql, people.stranger);
  const otherSite = await addSite(sql, otherTeam);
  const archivedTeam = await createTeamOf(sql, people.archived);
  const archivedSite = await addSite(sql, archivedTeam);

  const make = (owner: Owner, siteId: string | null, role: SiteRole, key: KeyWanted | null = null) =>
    makeClient(sql, owner, siteId === null ? [] : [{ site_id: siteId, role }], key);
  const own: Owner = { kind: 'team', teamId: team };
  const organization = (id: string): Owner => ({ kind: 'organization', organizationId: id });
  const [account] = await sql<{ id: string }[]>`
    INSERT INTO service_accounts (id, tenant_id, name) VALUES (gen_random_uuid(), ${team}, 'account') RETURNING id`;
  const keyOf = (
    scope: KeyWanted['scope'],
    serviceAccountId: string | null,
    userId: string | null,
  ): KeyWanted => ({
    scope,
    serviceAccountId,
    userId,
  });
  const tokens = {
    expiredToken: await make(own, site.id, 'owner'),
    revokedToken: await make(own, site.id, 'owner'),
    archivedToken: await make({ kind: 'team', teamId: archivedTeam }, archivedSite.id, 'owner'),
    viewerToken: await make(own, site.id, 'viewer'),
    editorToken: await make(own, site.id, 'editor'),
    adminToken: await make(own, site.id, 'admin'),
    ownerToken: await make(own, site.id, 'owner'),
    strangerToken: await make({ kind: 'team', teamId: otherTeam }, otherSite.id, 'owner'),
    readKey: await make(organization(team), null, 'viewer', keyOf('read', null, people.teamOwner.id)),
    writeKey: await make(organization(team), null, 'viewer', keyOf('read-write', null, people.teamOwner.id)),
    strangerKey: await make(
      organization(otherTeam),
      null,
      'viewer',
      keyOf('read-write', null, people.stranger.id),
    ),
    archivedKey: await make(
      organization(archivedTeam),
      null,
      'viewer',
      keyOf('read-write', null, people.archived.id),
    ),
  };
  const client = await make(own, site.id, 'admin');
  const key = await make(organization(team), null, 'viewer', keyOf('read-write', account?.id ?? null, null));
  const personal = await make({ kind: 'personal', userId: people.someMember.id }, null, 'viewer');
  await sql`UPDATE api_clients SET expires_at = now() - interval '1 hour' WHERE id = ${tokens.expiredToken.id}`;
  await sql`UPDATE api_clients SET revoked_at = now() WHERE id = ${tokens.revokedToken.id}`;
  await changeAs(sql, 'test', (change) => archiveTeam(change, { id: archivedTeam, name: 'archived' }));

  const cookies = Object.fromEntries(
    Object.entries(people).map(([name, person]) => [name, { cookie: person.cookie }]),
  );
  const bearers = Object.fromEntries(Object.entries(tokens).map(([name, { token }]) => [name, { token }]));
  return {
    credentials: {
      ...cookies,
      ...bearers,
      none: {},
      badToken: { token: createToken(randomBytes(32)) },
      ...(await endedSessions(sql, people.teamOwner.id)),
    } as World['credentials'],
    names: {
      team,
      otherTeam,
      site: site.id,
      domain: site.domain,
      otherSite: otherSite.id,
      client: client.id,
      otherClient: tokens.strangerToken.id,
      personal: personal.id,
      key: key.id,
      account: account?.id ?? '',
      newcomer: people.newcomer.id,
      someMember: people.someMember.id,
      someOwner: people.someOwner.id,
      viewer: people.viewer.id,
    },
  };
}

async function createPeople(sql: Sql) {
  const user = () => createPerson(sql);
  return {
    viewer: await user(),
    editor: await user(),
    siteAdmin: await user(),
    siteOwner: await user(),
    member: await user(),
    someMember: await user(),
    someOwner: await user(),
    newcomer: await user(),
    teamAdmin: await user(),
    teamOwner: await user(),
    former: await user(),
    stranger: await user(),
    archived: await user(),
    instanceAdmin: await createPerson(sql, 'admin'),
    instanceOwner: await createPerson(sql, 'owner'),
  };
}

/** One whose row has run out, one whose row is gone; the cookies themselves would be good for minutes. */
async function endedSessions(sql: Sql, userId: string) {
  const expired = await signIn(sql, userId);
  await sql`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = ${readSession(expired)}`;
  const signedOut = await signIn(sql, userId);
  await sql`DELETE FROM sessions WHERE id = ${readSession(signedOut)}`;
  return { expiredSession: { cookie: expired }, signedOut: { cookie: signedOut } };
}

function readSession(cookie: string): string {
  const claims = Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(claims) as { sid: string }).sid;
}

async function makeClient(
  sql: Sql,
  owner: Owner,
  siteRoles: readonly { site_id: string; role: SiteRole }[],
  key: KeyWanted | null,
): Promise<MadeClient> {
  const token = createToken(randomBytes(32));
  const wanted = {
    name: 'client',
    description: '',
    instanceRole: 'user',
    expiresAt: null,
    siteRoles,
  } as const;
  const made = await changeAs(sql, 'test', (change) => createClient(change, owner, wanted, token, null, key));
  return { id: made.id, token };
}
