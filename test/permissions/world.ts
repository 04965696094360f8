/** A team, a site, and everybody in the table, made anew; and what a single caller has besides. */
import { randomBytes } from 'node:crypto';
import type { KeyScope } from '../../src/admin/actor.ts';
import { createClient, type KeyWanted } from '../../src/admin/clients/change.ts';
import type { Owner } from '../../src/admin/clients/client.ts';
import { archiveTeam, createTeam, setMember } from '../../src/admin/teams/team.ts';
import { changeAs } from '../../src/cli/admin/author.ts';
import type { SiteRole } from '../../src/grants/grant.ts';
import { createToken, hashToken } from '../../src/grants/token.ts';
import type { Sql } from '../../src/store/connect.ts';
import {
  addMember,
  addSite,
  createPerson,
  createTeamOf,
  setSiteRole,
  signIn,
  type Person,
} from '../setup/administration.ts';
import type { Caller } from './table.ts';

export interface World {
  readonly credentials: Readonly<Record<Caller, { readonly cookie?: string; readonly token?: string }>>;
  /** What {team}, {site} … stand for. */
  readonly names: Readonly<Record<string, string>>;
  /** Callers who are people. */
  readonly ids: Readonly<Partial<Record<Caller, string>>>;
}

interface MadeClient {
  readonly id: string;
  readonly token: string;
}

/** `passwordHash`: everybody's. */
export async function createWorld(sql: Sql, passwordHash: string): Promise<World> {
  const people = await createPeople(sql);
  const personIds = Object.values(people).map(({ id }) => id);
  await sql`UPDATE users SET password_hash = ${passwordHash} WHERE id = ANY(${personIds}::uuid[])`;
  const places = await createPlaces(sql, people);
  const { tokens, things } = await createClients(sql, people, places);
  await sql`UPDATE api_clients SET expires_at = now() - interval '1 hour' WHERE id = ${tokens.expiredToken.id}`;
  await sql`UPDATE api_clients SET revoked_at = now() WHERE id = ${tokens.revokedToken.id}`;
  const { team, otherTeam, archivedTeam, site, otherSite, archivedSite, account, otherAccount } = places;
  await changeAs(sql, 'test', (change) => archiveTeam(change, { id: archivedTeam, name: 'archived' }));

  const cookies = Object.entries(people).map(([name, { cookie }]) => [name, { cookie }]);
  const bearers = Object.entries(tokens).map(([name, { token }]) => [name, { token }]);
  const named = Object.entries({ ...people, ...things }).map(([name, { id }]) => [name, id]);
  return {
    credentials: {
      ...Object.fromEntries(cookies),
      ...Object.fromEntries(bearers),
      none: {},
      badToken: { token: createToken(randomBytes(32)) },
      ...(await endedSessions(sql, people.teamOwner.id)),
    } as World['credentials'],
    names: {
      ...Object.fromEntries(named),
      team,
      otherTeam,
      archivedTeam,
      site: site.id,
      domain: site.domain,
      otherSite: otherSite.id,
      archivedSite: archivedSite.id,
      archivedDomain: archivedSite.domain,
      account,
      otherAccount,
      clientHash: hashToken(things.client.token),
      otherClient: tokens.strangerToken.id,
      otherKey: tokens.strangerKey.id,
      archivedClient: tokens.archivedToken.id,
      readKey: tokens.readKey.id,
      asset: 'main.ts',
      file: 'start.js',
    },
    ids: Object.fromEntries(Object.entries(people).map(([name, { id }]) => [name, id])),
  };
}

type People = Awaited<ReturnType<typeof createPeople>>;

async function createPeople(sql: Sql) {
  const names = [
    'viewer',
    'editor',
    'siteAdmin',
    'siteOwner',
    'member',
    'someMember',
    'someOwner',
    'someViewer',
    'someSiteOwner',
    'newcomer',
    'teamAdmin',
    'teamOwner',
    'former',
    'stranger',
    'archived',
  ] as const;
  const users = await Promise.all(names.map(async (name) => [name, await createPerson(sql)] as const));
  return {
    ...(Object.fromEntries(users) as Record<(typeof names)[number], Person>),
    instanceAdmin: await createPerson(sql, 'admin'),
    instanceOwner: await createPerson(sql, 'owner'),
  };
}

type Places = Awaited<ReturnType<typeof createPlaces>>;

/** The teams, with their members, sites and service accounts. */
async function createPlaces(sql: Sql, people: People) {
  const team = await createTeamOf(sql, people.teamOwner);
  const roles = {
    viewer: 'viewer',
    editor: 'editor',
    siteAdmin: 'admin',
    siteOwner: 'owner',
    someViewer: 'viewer',
    someSiteOwner: 'owner',
  } as const;
  const holders = Object.keys(roles) as (keyof typeof roles)[];
  for (const name of [...holders, 'member', 'someMember'] as const)
    await addMember(sql, team, people[name], 'member');
  await addMember(sql, team, people.teamAdmin, 'admin');
  await addMember(sql, team, people.someOwner, 'owner');
  await addMember(sql, team, people.former, 'owner');
  const site = await addSite(sql, team);
  await Promise.all(holders.map((name) => setSiteRole(sql, site.id, people[name], roles[name])));
  const left = { user_id: people.former.id, email: people.former.email };
  await changeAs(sql, 'test', (change) => setMember(change, team, left, 'owner', null));
  const otherTeam = await createTeamOf(sql, people.stranger);
  const archivedTeam = await createTeamOf(sql, people.archived);
  return {
    team,
    otherTeam,
    archivedTeam,
    site,
    otherSite: await addSite(sql, otherTeam),
    archivedSite: await addSite(sql, archivedTeam),
    account: await createAccount(sql, team),
    otherAccount: await createAccount(sql, otherTeam),
  };
}

/** `tokens`: those of callers; `things`: those that requests are about. */
async function createClients(sql: Sql, people: People, places: Places) {
  const { team, otherTeam, archivedTeam, site, otherSite, archivedSite, account } = places;
  const ofTeam = (teamId: string, { id }: { id: string }, role: SiteRole) =>
    makeClient(sql, { kind: 'team', teamId }, [{ site_id: id, role }]);
  const ofPerson = (person: Person, role: SiteRole | null) =>
    makeClient(
      sql,
      { kind: 'personal', userId: person.id },
      role === null ? [] : [{ site_id: site.id, role }],
    );
  const keyOf = (organizationId: string, scope: KeyScope, person: Person | null) =>
    makeClient(sql, { kind: 'organization', organizationId }, [], {
      scope,
      serviceAccountId: person === null ? account : null,
      userId: person?.id ?? null,
    });
  const tokens = await all({
    expiredToken: ofTeam(team, site, 'owner'),
    revokedToken: ofTeam(team, site, 'owner'),
    archivedToken: ofTeam(archivedTeam, archivedSite, 'owner'),
    viewerToken: ofTeam(team, site, 'viewer'),
    editorToken: ofTeam(team, site, 'editor'),
    adminToken: ofTeam(team, site, 'admin'),
    ownerToken: ofTeam(team, site, 'owner'),
    strangerToken: ofTeam(otherTeam, otherSite, 'owner'),
    personalToken: ofPerson(people.siteAdmin, 'admin'),
    lostToken: ofPerson(people.former, 'owner'),
    readKey: keyOf(team, 'read', people.teamOwner),
    writeKey: keyOf(team, 'read-write', people.teamOwner),
    strangerKey: keyOf(otherTeam, 'read-write', people.stranger),
    formerKey: keyOf(team, 'read-write', people.former),
    archivedKey: keyOf(archivedTeam, 'read-write', people.archived),
  });
  const things = await all({
    client: ofTeam(team, site, 'admin'),
    key: keyOf(team, 'read-write', null),
    someReadKey: keyOf(team, 'read', null),
    personal: ofPerson(people.someMember, null),
  });
  return { tokens, things };
}

async function all<Name extends string>(
  making: Readonly<Record<Name, Promise<MadeClient>>>,
): Promise<Record<Name, MadeClient>> {
  const made = Object.entries<Promise<MadeClient>>(making).map(
    async ([name, client]) => [name, await client] as const,
  );
  return Object.fromEntries(await Promise.all(made)) as Record<Name, MadeClient>;
}

/** What the words of `text` stand for that are of this caller, or of this request, alone. */
export async function createOwn(
  sql: Sql,
  world: World,
  caller: Caller,
  text: string,
): Promise<Readonly<Record<string, string>>> {
  const self = world.ids[caller];
  const names: Record<string, string> = { self: self ?? NOBODY, fresh: randomBytes(6).toString('hex') };
  const has = (name: string): boolean => text.includes(`{${name}}`);
  if (has('mine')) {
    const userId = self ?? world.names['someMember'] ?? NOBODY;
    const mine = await makeClient(sql, { kind: 'personal', userId }, []);
    names['mine'] = mine.id;
    names['mineHash'] = hashToken(mine.token);
  }
  if (has('leaked')) {
    const owner = { kind: 'team', teamId: world.names['team'] ?? '' } as const;
    const leaked = await makeClient(sql, owner, []);
    names['leaked'] = leaked.id;
    names['leakedToken'] = leaked.token;
  }
  if (has('managed'))
    names['managed'] =
      self === undefined
        ? NOBODY
        : await changeAs(sql, 'test', (change) => createTeam(change, 'managed', self));
  return names;
}

const NOBODY = '00000000-0000-4000-8000-000000000000';

async function createAccount(sql: Sql, teamId: string): Promise<string> {
  const [account] = await sql<{ id: string }[]>`
    INSERT INTO service_accounts (id, tenant_id, name) VALUES (gen_random_uuid(), ${teamId}, 'account') RETURNING id`;
  if (account === undefined) throw new Error('no row was inserted');
  return account.id;
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
  key: KeyWanted | null = null,
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
