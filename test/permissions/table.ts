/**
 * Who may do what: the one table that the tests run and docs/permissions.md shows. Data alone; print.ts prints it.
 *
 * A cell is the status that a caller gets for a sound request. What a row does not name follows from its `route`:
 * people's routes answer 401 to whoever is not signed in, and the row's `usual` to whoever is.
 */

export const callers = {
  none: 'no credential',
  badToken: 'a token nobody made',
  expiredToken: 'an expired client of the team, owner on the site',
  revokedToken: 'a revoked client of the team, owner on the site',
  archivedToken: 'a client of an archived team, owner on its site',
  viewerToken: "the team's client, viewer on the site",
  editorToken: "the team's client, editor on the site",
  adminToken: "the team's client, admin on the site",
  ownerToken: "the team's client, owner on the site",
  strangerToken: "another team's client, owner on that team's site",
  personalToken: 'a personal client of siteAdmin, admin on the site',
  lostToken: 'a personal client of former, owner on the site since before',
  readKey: "the team's organization key, read",
  writeKey: "the team's organization key, read-write",
  strangerKey: "another team's organization key, read-write",
  formerKey: "the team's organization key, read-write, of former",
  archivedKey: "an archived team's organization key, read-write",
  expiredSession: "the team owner's session, over",
  signedOut: "the team owner's session, signed out",
  viewer: 'member of the team, viewer on the site',
  editor: 'member of the team, editor on the site',
  siteAdmin: 'member of the team, admin on the site',
  siteOwner: 'member of the team, owner on the site',
  member: 'member of the team, without a role on the site',
  teamAdmin: 'admin of the team',
  teamOwner: 'owner of the team',
  former: 'was owner of the team, and left',
  stranger: 'owner of another team',
  archived: 'owner of an archived team',
  instanceAdmin: 'instance admin, in no team',
  instanceOwner: 'instance owner, in no team',
} as const;

export type Caller = keyof typeof callers;

/** Whose word a route takes: people's cookies; cookies or organization keys; tokens; anybody's. */
export type RouteKind = 'people' | 'keys' | 'records' | 'anybody';

export interface Row {
  /**
   * {team}, {site}, {client} … are the same for every caller; {self} is the caller, {mine} the caller's own client,
   * {managed} a further team that the caller owns, {fresh} a new word. {archivedTeam}, {otherTeam} … are those of archived and stranger.
   */
  readonly request: string;
  readonly does: string;
  readonly route: RouteKind;
  readonly body?: string;
  /** What the callers get that the route is for at all, unless `expected` says otherwise; all others: 401. */
  readonly usual: number;
  readonly expected?: Expected;
  /** SQL: false before, and true after the request for whom it is granted, and for nobody else. */
  readonly becomes?: string;
  /** What the answer has for some of those who are granted it, and has not for the others. */
  readonly shows?: { readonly text: string; readonly to: readonly Caller[] };
  /** Changes none of the tables that the tests watch, although it is no GET. */
  readonly isQuiet?: true;
  /** How many records are accepted of whom it is granted. */
  readonly records?: number;
}

type Expected = Readonly<Partial<Record<Caller, number>>>;

export const EVERYBODY = Object.keys(callers) as Caller[];
export const PEOPLE: readonly Caller[] = [
  'viewer',
  'editor',
  'siteAdmin',
  'siteOwner',
  'member',
  'teamAdmin',
  'teamOwner',
  'former',
  'stranger',
  'archived',
  'instanceAdmin',
  'instanceOwner',
];
/** Good tokens that are no organization keys. */
const CLIENTS: readonly Caller[] = [
  'viewerToken',
  'editorToken',
  'adminToken',
  'ownerToken',
  'strangerToken',
  'personalToken',
  'lostToken',
];
const KEYS: readonly Caller[] = ['readKey', 'writeKey', 'strangerKey'];
/** Whom a route is for at all. */
const COMERS: Readonly<Record<RouteKind, readonly Caller[]>> = {
  people: PEOPLE,
  keys: [...PEOPLE, ...CLIENTS, ...KEYS],
  records: [...CLIENTS, ...KEYS],
  anybody: EVERYBODY,
};

const MANAGERS: readonly Caller[] = ['teamAdmin', 'teamOwner'];
const MEMBERS: readonly Caller[] = ['viewer', 'editor', 'siteAdmin', 'siteOwner', 'member', ...MANAGERS];
/** Those with a role on the site, of their own or by the team's. */
const HOLDERS: readonly Caller[] = [
  'viewer',
  'editor',
  'siteAdmin',
  'siteOwner',
  ...MANAGERS,
  'instanceOwner',
];
const SEERS: readonly Caller[] = [...HOLDERS, 'instanceAdmin'];
const SITE_MANAGERS: readonly Caller[] = ['siteAdmin', 'siteOwner', ...MANAGERS, 'instanceOwner'];
const SITE_OWNERS: readonly Caller[] = ['siteOwner', 'teamOwner', 'instanceOwner'];
const STAFF: readonly Caller[] = ['instanceAdmin', 'instanceOwner'];

export function statusOf(row: Row, caller: Caller): number {
  return row.expected?.[caller] ?? (COMERS[row.route].includes(caller) ? row.usual : 401);
}

const all = (names: readonly Caller[], status: number): Expected =>
  Object.fromEntries(names.map((name) => [name, status]));

type More = Omit<Partial<Row>, 'request' | 'does' | 'route'>;

/** Every signed-in person gets the same. */
const own = (request: string, does: string, usual: number, more: More = {}): Row => ({
  request,
  does,
  route: 'people',
  usual,
  ...more,
});

/** What is there for somebody else alone. */
const hidden = (request: string, does: string, body?: string): Row =>
  own(request, does, 404, body === undefined ? {} : { body });

/** For owners and admins of the team. */
const team = (request: string, does: string, status: number, more: More = {}): Row =>
  own(request, does, 403, { expected: all(MANAGERS, status), ...more });

/** For the team's owners. */
const teamOwners = (request: string, does: string, status: number, more: More = {}): Row =>
  own(request, does, 403, { expected: { teamOwner: status }, ...more });

/** For some of those who see the site: the others of them are told so, and everybody else that there is none. */
const site = (request: string, does: string, expected: Expected, more: More = {}): Row =>
  own(request, does, 404, { expected: { ...all(SEERS, 403), ...expected }, ...more });

/** For instance owners. */
const instance = (request: string, does: string, status: number, more: More = {}): Row =>
  own(request, does, 403, { expected: { instanceOwner: status }, ...more });

/** For owners and admins of the team, and for some of its keys. */
const organization = (
  request: string,
  does: string,
  keys: { readonly readKey: number; readonly writeKey: number },
  more: More = {},
): Row => ({
  request,
  does,
  route: 'keys',
  usual: 403,
  // A person's reach is that of a read-write key.
  expected: { ...all(MANAGERS, keys.writeKey), ...keys },
  ...more,
});

const anybody = (request: string, does: string, usual: number, more: More = {}): Row => ({
  request,
  does,
  route: 'anybody',
  usual,
  ...more,
});

/** Of the site, by a grant that may write there, whatever its user may do now. */
const byGrant = (request: string, does: string, body: string, more: More = {}): Row => ({
  request,
  does,
  route: 'records',
  usual: 403,
  body,
  expected: all(['adminToken', 'ownerToken', 'writeKey', 'personalToken', 'lostToken'], 202),
  isQuiet: true,
  records: 1,
  ...more,
});

/** Of the site of the path, by the weaker of the grant and what its user may do now. */
const bySite = (request: string, does: string, body: string, status = 202, records = 0): Row =>
  byGrant(request, does, body, {
    expected: all(['adminToken', 'ownerToken', 'writeKey', 'personalToken'], status),
    records,
  });

/** A body that makes a client with a role on a site. */
const clientOn = (place: string, role: string, more = ''): string =>
  `{"name":"made","site_roles":[{"site_id":"${place}","role":"${role}"}]${more}}`;
const made = (condition: string): string =>
  `EXISTS (SELECT FROM api_clients WHERE name = 'made' AND ${condition})`;
const granted = (owner: string, place: string, role: string): string =>
  `EXISTS (SELECT FROM api_clients c JOIN api_client_site_roles r ON r.api_client_id = c.id
           WHERE c.${owner} AND r.site_id = '${place}' AND r.role = '${role}')`;
const renamed = (id: string): string => `(SELECT name FROM api_clients WHERE id = '${id}') = 'changed'`;
const rolled = (id: string, hash: string): string =>
  `(SELECT secret_hash FROM api_clients WHERE id = '${id}') <> '${hash}'`;
const revoked = (id: string): string => `(SELECT revoked_at FROM api_clients WHERE id = '${id}') IS NOT NULL`;
const gone = (table: string, id: string): string => `NOT EXISTS (SELECT FROM ${table} WHERE id = '${id}')`;
const teamRole = (user: string): string =>
  `(SELECT role FROM tenant_members WHERE tenant_id = '{team}' AND user_id = '${user}')`;
const siteRole = (user: string): string =>
  `(SELECT role FROM site_members WHERE site_id = '{site}' AND user_id = '${user}')`;
const instanceRole = (user: string): string => `(SELECT instance_role FROM users WHERE id = '${user}')`;

const CLIENT_UPDATE = '{"name":"changed"}';
const PERSONAL_UPDATE = '{"name":"changed","instance_role":"user"}';
const OF_ORGANIZATION = '?organizationId={team}';

const oneself: readonly Row[] = [
  anybody('POST /api/auth/login', 'signs in, with the right password', 200, { body: '{login}' }),
  own('POST /api/auth/logout', 'signs out', 204, {
    becomes: `EXISTS (SELECT FROM users WHERE id = '{self}')
              AND NOT EXISTS (SELECT FROM sessions WHERE user_id = '{self}' AND expires_at > now())`,
    isQuiet: true,
  }),
  own('GET /api/user', 'shows oneself, and the teams one is in', 200, {
    shows: { text: '{team}', to: MEMBERS },
  }),
  own('PUT /api/user/password', 'changes the own password, the old one being wrong', 401, {
    body: '{"current_password":"wrong wrong wrong","new_password":"long enough, surely"}',
  }),
  own('PUT /api/user/password', 'changes the own password, the old one being right', 204, {
    body: '{newPassword}',
    // All of them have the same one before.
    becomes: `(SELECT password_hash FROM users WHERE id = '{self}')
              <> (SELECT password_hash FROM users WHERE id = '{someMember}')`,
  }),
];

const personalClients: readonly Row[] = [
  own('GET /api/user/api-clients', 'lists own clients, not those of others', 200, {
    shows: { text: '{personal}', to: [] },
  }),
  own('POST /api/user/api-clients', 'makes a client without grants', 201, {
    body: '{"name":"made"}',
    becomes: made("user_id = '{self}'"),
  }),
  own('POST /api/user/api-clients', 'makes a client that is viewer on the site', 403, {
    body: clientOn('{site}', 'viewer'),
    expected: all(HOLDERS, 201),
    becomes: granted("user_id = '{self}' AND c.name = 'made'", '{site}', 'viewer'),
  }),
  own('POST /api/user/api-clients', 'makes a client that is admin on the site', 403, {
    body: clientOn('{site}', 'admin'),
    expected: all(SITE_MANAGERS, 201),
    becomes: granted("user_id = '{self}' AND c.name = 'made'", '{site}', 'admin'),
  }),
  own('POST /api/user/api-clients', 'makes a client that is owner on the site', 403, {
    body: clientOn('{site}', 'owner'),
    expected: all(SITE_OWNERS, 201),
    becomes: granted("user_id = '{self}' AND c.name = 'made'", '{site}', 'owner'),
  }),
  own('POST /api/user/api-clients', 'makes a client that is instance admin', 403, {
    body: '{"name":"made","instance_role":"admin"}',
    expected: all(STAFF, 201),
    becomes: made("user_id = '{self}' AND instance_role = 'admin'"),
  }),
  own('GET /api/user/api-clients/{mine}', 'shows an own client', 200),
  own('PUT /api/user/api-clients/{mine}', 'changes an own client', 200, {
    body: PERSONAL_UPDATE,
    becomes: renamed('{mine}'),
  }),
  own('PUT /api/user/api-clients/{mine}', 'makes an own client admin on the site', 403, {
    body: clientOn('{site}', 'admin', ',"instance_role":"user"'),
    expected: all(SITE_MANAGERS, 200),
    becomes: granted("id = '{mine}'", '{site}', 'admin'),
  }),
  own('PUT /api/user/api-clients/{mine}', 'makes an own client instance owner', 403, {
    body: '{"name":"changed","instance_role":"owner"}',
    expected: { instanceOwner: 200 },
    becomes: renamed('{mine}'),
  }),
  own('POST /api/user/api-clients/{mine}/rotate', 'rolls an own client', 200, {
    becomes: rolled('{mine}', '{mineHash}'),
  }),
  own('GET /api/user/api-clients/{mine}/usage', 'shows the use of an own client', 200),
  own('GET /api/user/api-clients/{mine}/ledger', 'shows the account of an own client', 200),
  hidden('GET /api/user/api-clients/{personal}/ledger', "shows somebody else's account"),
  own('DELETE /api/user/api-clients/{mine}', 'deletes an own client', 204, {
    becomes: gone('api_clients', '{mine}'),
  }),
  hidden('GET /api/user/api-clients/{personal}', "shows somebody else's client"),
  hidden('PUT /api/user/api-clients/{personal}', "changes somebody else's client", PERSONAL_UPDATE),
  hidden('DELETE /api/user/api-clients/{personal}', "deletes somebody else's client"),
  hidden('POST /api/user/api-clients/{personal}/rotate', "rolls somebody else's client"),
  hidden('GET /api/user/api-clients/{personal}/usage', "shows the use of somebody else's client"),
  hidden('GET /api/user/api-clients/{client}', "shows a team's client as if it were one's own"),
  hidden('POST /api/user/api-clients/{client}/rotate', "rolls a team's client as if it were one's own"),
  hidden(
    'DELETE /api/user/api-clients/{readKey}',
    "deletes a person's organization key as if it were a client",
  ),
];

const CLIENTS_OF_TEAM = '/api/user/teams/{team}/api-clients';
const teamClients: readonly Row[] = [
  team(`GET ${CLIENTS_OF_TEAM}`, "lists the team's clients", 200, {
    shows: { text: '{client}', to: MANAGERS },
  }),
  team(`POST ${CLIENTS_OF_TEAM}`, 'makes a client of the team that is owner on the site', 201, {
    body: clientOn('{site}', 'owner'),
    becomes: granted("tenant_id = '{team}' AND c.name = 'made'", '{site}', 'owner'),
  }),
  own(`POST ${CLIENTS_OF_TEAM}`, "makes one with a role on another team's site", 403, {
    body: clientOn('{otherSite}', 'viewer'),
  }),
  team(`GET ${CLIENTS_OF_TEAM}/{client}`, 'shows one', 200),
  team(`PUT ${CLIENTS_OF_TEAM}/{client}`, 'changes one', 200, {
    body: CLIENT_UPDATE,
    becomes: renamed('{client}'),
  }),
  own(`PUT ${CLIENTS_OF_TEAM}/{client}`, "gives one a role on another team's site", 403, {
    body: clientOn('{otherSite}', 'viewer'),
  }),
  team(`PUT ${CLIENTS_OF_TEAM}/{client}`, 'revokes one', 200, {
    body: '{"name":"client","revoked":true}',
    becomes: revoked('{client}'),
  }),
  team(`DELETE ${CLIENTS_OF_TEAM}/{client}`, 'deletes one', 204, {
    becomes: gone('api_clients', '{client}'),
  }),
  team(`POST ${CLIENTS_OF_TEAM}/{client}/rotate`, 'rolls one', 200, {
    becomes: rolled('{client}', '{clientHash}'),
  }),
  team(`GET ${CLIENTS_OF_TEAM}/{client}/usage`, 'shows its use', 200),
  team(`GET ${CLIENTS_OF_TEAM}/{client}/ledger`, 'shows its account', 200),
  team(`GET ${CLIENTS_OF_TEAM}/{otherClient}/ledger`, "shows the account of another team's client", 404),
  team(`GET ${CLIENTS_OF_TEAM}/{otherClient}`, "shows another team's client", 404),
  team(`PUT ${CLIENTS_OF_TEAM}/{otherClient}`, "changes another team's client", 404, { body: CLIENT_UPDATE }),
  team(`DELETE ${CLIENTS_OF_TEAM}/{otherClient}`, "deletes another team's client", 404),
  team(`POST ${CLIENTS_OF_TEAM}/{otherClient}/rotate`, "rolls another team's client", 404),
  team(`GET ${CLIENTS_OF_TEAM}/{otherClient}/usage`, "shows the use of another team's client", 404),
  team(`GET ${CLIENTS_OF_TEAM}/{personal}`, "shows a member's personal client", 404),
  team(`DELETE ${CLIENTS_OF_TEAM}/{personal}`, "deletes a member's personal client", 404),
  team(`POST ${CLIENTS_OF_TEAM}/{key}/rotate`, 'rolls an organization key as if it were a client', 404),
];

const teams: readonly Row[] = [
  own('GET /api/user/teams', 'lists own teams', 200, { shows: { text: '{team}', to: MEMBERS } }),
  own('POST /api/user/teams', 'makes a team', 403, {
    body: '{"name":"{fresh}"}',
    expected: all(STAFF, 201),
    becomes: `(SELECT m.role FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id
               WHERE t.name = '{fresh}' AND m.user_id = '{self}') = 'owner'`,
  }),
  own('GET /api/user/teams/{team}', 'shows a team', 403, { expected: all(MEMBERS, 200) }),
  team('PUT /api/user/teams/{team}', 'renames a team', 200, {
    body: '{"name":"renamed"}',
    becomes: "(SELECT name FROM tenants WHERE id = '{team}') = 'renamed'",
  }),
  teamOwners('DELETE /api/user/teams/{team}', 'archives a team', 204, {
    becomes: "(SELECT archived_at FROM tenants WHERE id = '{team}') IS NOT NULL",
  }),
  own('GET /api/user/teams/{team}/members', 'lists members', 403, { expected: all(MEMBERS, 200) }),
  team('POST /api/user/teams/{team}/members', 'adds a member', 201, {
    body: '{"user_id":"{newcomer}","role":"member"}',
    becomes: `${teamRole('{newcomer}')} = 'member'`,
  }),
  teamOwners('POST /api/user/teams/{team}/members', 'adds an owner', 201, {
    body: '{"user_id":"{newcomer}","role":"owner"}',
    becomes: `${teamRole('{newcomer}')} = 'owner'`,
  }),
  team('PUT /api/user/teams/{team}/members/{someMember}', "changes a member's role to admin", 200, {
    body: '{"role":"admin"}',
    becomes: `${teamRole('{someMember}')} = 'admin'`,
  }),
  teamOwners('PUT /api/user/teams/{team}/members/{someMember}', 'makes a member owner', 200, {
    body: '{"role":"owner"}',
    becomes: `${teamRole('{someMember}')} = 'owner'`,
  }),
  teamOwners('PUT /api/user/teams/{team}/members/{self}', 'makes oneself owner', 200, {
    body: '{"role":"owner"}',
  }),
  teamOwners('PUT /api/user/teams/{team}/members/{someOwner}', 'takes an owner down', 200, {
    body: '{"role":"member"}',
    becomes: `${teamRole('{someOwner}')} = 'member'`,
  }),
  team('DELETE /api/user/teams/{team}/members/{someMember}', 'removes a member', 204, {
    becomes: `${teamRole('{someMember}')} IS NULL`,
  }),
  teamOwners('DELETE /api/user/teams/{team}/members/{someOwner}', 'removes an owner', 204, {
    becomes: `${teamRole('{someOwner}')} IS NULL`,
  }),
  own('DELETE /api/user/teams/{team}/members/{self}', 'leaves the team', 403, {
    expected: all(MEMBERS, 204),
  }),
  team('GET /api/user/teams/{team}/audit', "reads the team's audit log", 200, {
    shows: { text: '{client}', to: MANAGERS },
  }),
];

const sites: readonly Row[] = [
  own('GET /api/sites', 'lists the sites one may see', 200, { shows: { text: '{site}', to: SEERS } }),
  team('POST /api/sites', 'makes a site of the team', 201, {
    body: '{"domain":"{fresh}.example.org","team_id":"{team}"}',
    becomes: "(SELECT count(*) FROM sites WHERE tenant_id = '{team}') = 2",
  }),
  site('GET /api/sites/{site}', 'shows a site', all(SEERS, 200)),
  site('PUT /api/sites/{site}', 'moves a site to a team that one does not manage', all(SEERS, 403), {
    body: '{"team_id":"{otherTeam}"}',
  }),
  site('PUT /api/sites/{site}', 'moves a site to a team that one owns', all(SITE_OWNERS, 200), {
    body: '{"team_id":"{managed}"}',
    becomes: "(SELECT tenant_id FROM sites WHERE id = '{site}') = '{managed}'",
  }),
  site('DELETE /api/sites/{site}', 'deletes a site', all(SITE_OWNERS, 204), {
    becomes: gone('sites', '{site}'),
  }),
  site(
    'GET /api/sites/{site}/quarantine',
    'looks at what could not be put where it belongs',
    all(SITE_MANAGERS, 200),
  ),
  site('GET /api/sites/{site}/members', "lists the site's members", all(SITE_MANAGERS, 200)),
  site(
    'POST /api/sites/{site}/members',
    'makes a member of the team editor of the site',
    all(SITE_MANAGERS, 201),
    {
      body: '{"user_id":"{someMember}","role":"editor"}',
      becomes: `${siteRole('{someMember}')} = 'editor'`,
    },
  ),
  site(
    'POST /api/sites/{site}/members',
    'makes a member of the team owner of the site',
    all(SITE_OWNERS, 201),
    {
      body: '{"user_id":"{someMember}","role":"owner"}',
      becomes: `${siteRole('{someMember}')} = 'owner'`,
    },
  ),
  site(
    'POST /api/sites/{site}/members',
    'gives a role to somebody outside of the team',
    all(SITE_MANAGERS, 404),
    {
      body: '{"user_id":"{newcomer}","role":"viewer"}',
    },
  ),
  site(
    'PUT /api/sites/{site}/members/{someViewer}',
    "changes a viewer's role to editor",
    all(SITE_MANAGERS, 200),
    {
      body: '{"role":"editor"}',
      becomes: `${siteRole('{someViewer}')} = 'editor'`,
    },
  ),
  site(
    'PUT /api/sites/{site}/members/{someViewer}',
    "changes a viewer's role to owner",
    all(SITE_OWNERS, 200),
    {
      body: '{"role":"owner"}',
      becomes: `${siteRole('{someViewer}')} = 'owner'`,
    },
  ),
  site(
    'PUT /api/sites/{site}/members/{self}',
    'makes oneself owner of the site, having a role of its own there',
    // Whoever has the site through the team or the instance has no role of its own to change.
    { siteOwner: 200, ...all([...MANAGERS, 'instanceOwner'], 404) },
    { body: '{"role":"owner"}' },
  ),
  site('PUT /api/sites/{site}/members/{someSiteOwner}', "takes a site's owner down", all(SITE_OWNERS, 200), {
    body: '{"role":"viewer"}',
    becomes: `${siteRole('{someSiteOwner}')} = 'viewer'`,
  }),
  site(
    'DELETE /api/sites/{site}/members/{someViewer}',
    "takes a viewer's role away",
    all(SITE_MANAGERS, 204),
    {
      becomes: `${siteRole('{someViewer}')} IS NULL`,
    },
  ),
  site(
    'DELETE /api/sites/{site}/members/{someSiteOwner}',
    "takes an owner's role away",
    all(SITE_OWNERS, 204),
    {
      becomes: `${siteRole('{someSiteOwner}')} IS NULL`,
    },
  ),
];

const ofInstance: readonly Row[] = [
  own('PUT /api/api-clients/{client}/limits', 'limits what a client may send', 403, {
    expected: { instanceOwner: 200, instanceAdmin: 200 },
    body: '{"requests_per_second":5}',
    becomes: `(SELECT limits IS NOT NULL FROM api_clients WHERE id = '{client}')`,
  }),
  instance('GET /api/users', 'lists all users', 200),
  instance('POST /api/users', 'makes a user', 201, {
    body: '{"email":"{newcomer}@example.org"}',
    becomes: "EXISTS (SELECT FROM users WHERE email = '{newcomer}@example.org')",
  }),
  instance('PUT /api/users/{newcomer}', "changes a user's instance role", 200, {
    body: '{"instance_role":"admin"}',
    becomes: `${instanceRole('{newcomer}')} = 'admin'`,
  }),
  instance('PUT /api/users/{self}', 'makes oneself instance owner', 200, {
    body: '{"instance_role":"owner"}',
  }),
  instance('DELETE /api/users/{newcomer}', 'deletes a user', 204, { becomes: gone('users', '{newcomer}') }),
  own('GET /api/audit', "reads the instance's audit log", 403, { expected: all(STAFF, 200) }),
  own('GET /api/revocations/1', 'reads a receipt', 200),
  own('GET /api/console/live?follow=0', 'watches the gateway', 403, { expected: all(STAFF, 200) }),
];

const KEYS_PATH = '/v1/api-keys';
const ACCOUNTS_PATH = '/v1/service-accounts';
const BOTH = { readKey: 200, writeKey: 200 };
const WRITING = { readKey: 403, writeKey: 200 };
const NEITHER = { readKey: 404, writeKey: 404 };
const organizationKeys: readonly Row[] = [
  organization(`GET ${KEYS_PATH}${OF_ORGANIZATION}`, "lists the organization's keys", BOTH),
  organization(`POST ${KEYS_PATH}${OF_ORGANIZATION}`, 'makes a read key', BOTH, {
    body: '{"name":"made"}',
    becomes: made("organization_id = '{team}' AND scope = 'read'"),
  }),
  organization(`POST ${KEYS_PATH}${OF_ORGANIZATION}`, 'makes a read-write key', WRITING, {
    body: '{"name":"made","scope":"read-write"}',
    becomes: made("organization_id = '{team}' AND scope = 'read-write'"),
  }),
  organization(`POST ${KEYS_PATH}${OF_ORGANIZATION}`, "makes a key for another team's account", NEITHER, {
    body: '{"name":"made","serviceAccountId":"{otherAccount}"}',
  }),
  organization(`GET ${KEYS_PATH}/{key}${OF_ORGANIZATION}`, 'shows a key', BOTH),
  organization(`GET ${KEYS_PATH}/{otherKey}${OF_ORGANIZATION}`, "shows another organization's key", NEITHER),
  organization(`GET ${KEYS_PATH}/{client}${OF_ORGANIZATION}`, "shows a team's client as a key", NEITHER),
  organization(
    `DELETE ${KEYS_PATH}/{someReadKey}${OF_ORGANIZATION}`,
    "ends another holder's read key",
    WRITING,
    {
      becomes: revoked('{someReadKey}'),
    },
  ),
  organization(`DELETE ${KEYS_PATH}/{readKey}${OF_ORGANIZATION}`, 'ends a read key', BOTH, {
    becomes: revoked('{readKey}'),
  }),
  organization(`DELETE ${KEYS_PATH}/{key}${OF_ORGANIZATION}`, 'ends a read-write key', WRITING, {
    becomes: revoked('{key}'),
  }),
  organization(
    `DELETE ${KEYS_PATH}/{otherKey}${OF_ORGANIZATION}`,
    "ends another organization's key",
    NEITHER,
  ),
  organization(`DELETE ${KEYS_PATH}/{client}${OF_ORGANIZATION}`, "ends a team's client as a key", NEITHER),
  organization(`GET ${ACCOUNTS_PATH}${OF_ORGANIZATION}`, 'lists service accounts', BOTH),
  organization(`POST ${ACCOUNTS_PATH}${OF_ORGANIZATION}`, 'makes a service account', WRITING, {
    body: '{"name":"made"}',
    becomes: "EXISTS (SELECT FROM service_accounts WHERE tenant_id = '{team}' AND name = 'made')",
  }),
  organization(
    `DELETE ${ACCOUNTS_PATH}/{account}${OF_ORGANIZATION}`,
    'deletes a service account and its keys',
    WRITING,
    { becomes: `${gone('service_accounts', '{account}')} AND ${gone('api_clients', '{key}')}` },
  ),
  organization(
    `DELETE ${ACCOUNTS_PATH}/{otherAccount}${OF_ORGANIZATION}`,
    "deletes another organization's service account",
    { readKey: 403, writeKey: 404 },
  ),
];

/** An archived team is there for nobody, its owner and the instance's included. */
const CLIENTS_OF_ARCHIVED = '/api/user/teams/{archivedTeam}/api-clients';
const archivedTeams: readonly Row[] = [
  own('GET /api/user/teams', 'lists own teams, archived ones not', 200, {
    shows: { text: '{archivedTeam}', to: [] },
  }),
  own('GET /api/user/teams/{archivedTeam}', 'shows it', 403),
  own('PUT /api/user/teams/{archivedTeam}', 'renames it', 403, { body: '{"name":"renamed"}' }),
  own('DELETE /api/user/teams/{archivedTeam}', 'archives it again', 403),
  own('GET /api/user/teams/{archivedTeam}/members', 'lists its members', 403),
  own('POST /api/user/teams/{archivedTeam}/members', 'adds a member', 403, {
    body: '{"user_id":"{newcomer}","role":"member"}',
  }),
  own('GET /api/user/teams/{archivedTeam}/audit', 'reads its audit log', 403),
  own(`GET ${CLIENTS_OF_ARCHIVED}`, 'lists its clients', 403),
  own(`POST ${CLIENTS_OF_ARCHIVED}`, 'makes a client of it', 403, {
    body: clientOn('{archivedSite}', 'viewer'),
  }),
  own(`POST ${CLIENTS_OF_ARCHIVED}/{archivedClient}/rotate`, 'rolls a client of it', 403),
  own('POST /api/user/api-clients', 'makes a personal client that is viewer on its site', 403, {
    body: clientOn('{archivedSite}', 'viewer'),
    // An instance owner may name any site; the role is worth nothing there.
    expected: { instanceOwner: 201 },
  }),
  own('GET /api/sites', 'lists the sites one may see, those of archived teams not', 200, {
    shows: { text: '{archivedSite}', to: [] },
  }),
  own('POST /api/sites', 'makes a site of it', 403, {
    body: '{"domain":"{fresh}.example.org","team_id":"{archivedTeam}"}',
  }),
  hidden('GET /api/sites/{archivedSite}', 'shows its site'),
  hidden('DELETE /api/sites/{archivedSite}', 'deletes its site'),
  hidden(
    'POST /api/sites/{archivedSite}/members',
    'makes somebody viewer of its site',
    '{"user_id":"{archived}","role":"viewer"}',
  ),
  own('PUT /api/sites/{site}', 'moves a site to it', 404, {
    body: '{"team_id":"{archivedTeam}"}',
    expected: all(SEERS, 403),
  }),
  {
    request: `POST ${KEYS_PATH}?organizationId={archivedTeam}`,
    does: 'makes a key of it',
    route: 'keys',
    usual: 403,
    body: '{"name":"made"}',
  },
];

const leaks: readonly Row[] = [
  anybody('POST /api/tokens/revoke-leaked', 'ends a token by showing it', 202, {
    body: '{"tokens":["{leakedToken}"]}',
    becomes: revoked('{leaked}'),
  }),
  anybody('POST /api/tokens/revoke-leaked', 'shows what is no token, and is told the same', 202, {
    body: '{"tokens":["no token of ours"]}',
    isQuiet: true,
  }),
  anybody('POST /api/tokens/github-secret-scanning', 'reports leaked tokens without a signature', 401, {
    body: '[{"token":"{leakedToken}","type":"sluice"}]',
    becomes: revoked('{leaked}'),
  }),
];

const records: readonly Row[] = [
  byGrant('POST /api/ingest/server/pageview', 'sends a pageview of the site', '{pageview}'),
  byGrant('POST /api/ingest/server/event', 'sends an event of the site', '{event}'),
  byGrant(
    'POST /api/ingest/server/pageview',
    "sends a pageview of an archived team's site",
    '{archivedPageview}',
    {
      usual: 404,
      expected: {},
    },
  ),
  {
    ...byGrant('POST /api/ingest/server/batch', 'sends a batch of one pageview of the site', '{batch}'),
    // That nothing was accepted is 400, whatever the reason for each record.
    usual: 400,
  },
  bySite('POST /api/sites/{site}/ingest/ai-fetch', 'sends an AI fetch of the site', '{aiFetch}', 202, 1),
  byGrant(
    'POST /api/sites/{otherSite}/ingest/ai-fetch',
    "sends an AI fetch of another team's site",
    '{aiFetch}',
    {
      expected: all(['strangerToken', 'strangerKey'], 202),
    },
  ),
  byGrant(
    'POST /api/sites/{archivedSite}/ingest/ai-fetch',
    "sends one of an archived team's site",
    '{aiFetch}',
    {
      expected: {},
    },
  ),
  bySite('POST /api/sites/{site}/ingest/cloudfront', 'delivers a log file of CloudFront', '#Version: 1.0'),
  bySite(
    'POST /api/sites/{site}/ingest/firehose',
    'delivers by Amazon Data Firehose',
    '{"requestId":"x","records":[]}',
    200,
  ),
  bySite('POST /api/sites/{site}/ingest/cloudflare', 'delivers a log of Cloudflare', '{"content":"tests"}'),
  bySite('POST /api/sites/{site}/ingest/fastly', 'delivers a log of Fastly', '[]'),
  bySite('POST /api/sites/{site}/ingest/netlify', 'delivers a log of Netlify', '[]'),
  bySite('POST /api/sites/{site}/ingest/akamai', 'delivers a log of Akamai', '[]'),
  bySite('POST /api/sites/{site}/ingest/vercel', 'delivers a log of Vercel', '[]', 200),
  // What cannot be read is kept, and counts.
  bySite('POST /api/sites/{site}/ingest/access-log', 'delivers an access log', '{}', 202, 1),
];

/** By what they are about, in the order of the docs. */
export const groups: Readonly<Record<string, readonly Row[]>> = {
  Oneself: oneself,
  "One's own clients": personalClients,
  "The team's clients": teamClients,
  'The team': teams,
  'An archived team': archivedTeams,
  'The site': sites,
  'The instance': ofInstance,
  'Organization keys and service accounts': organizationKeys,
  'Tokens found in the wild': leaks,
  Records: records,
  'For anybody': [
    anybody('GET /api/ai-agents', 'lists the AI crawlers that are known', 200),
    anybody('GET /healthz', 'asks whether the process lives', 200),
    anybody('GET /readyz', 'asks whether it takes records', 200),
    anybody('GET /metrics', 'reads the metrics, which have a token of their own', 401),
    anybody('GET /api/docs', 'opens the API reference', 200),
    anybody('GET /api/docs/{file}', 'reads a file of it', 200),
    anybody('GET /api/docs/v1/openapi.json', 'reads it as OpenAPI', 200),
    anybody('GET /.well-known/fastly/logging/challenge', 'asks which services of Fastly may send here', 200),
    anybody('GET /api/sites/{site}/ingest/vercel', "asks for the code of Vercel's form", 200),
    anybody('GET /', 'is led to the console', 302),
    anybody('GET /console', 'opens the console, which then asks who one is', 200),
    anybody('GET /console/{asset}', 'reads a file of the console', 200),
  ],
};

export const rows: readonly Row[] = Object.values(groups).flat();
