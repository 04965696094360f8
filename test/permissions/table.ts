/**
 * Who may do what: the one table that the tests run and docs/permissions.md shows. Data, and how it is printed.
 *
 * A cell is the status that a caller gets for a sound request. What a row does not name follows from its `route`:
 * people's routes answer 401 to whoever is not signed in, and the row's `cookie` to whoever is.
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
  readKey: "the team's organization key, read",
  writeKey: "the team's organization key, read-write",
  strangerKey: "another team's organization key, read-write",
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
  /** {team}, {site}, {client} … are those of the caller's team, whoever the caller is. */
  readonly request: string;
  readonly does: string;
  readonly route: RouteKind;
  readonly body?: string;
  /** What a signed-in person gets, and, on routes for keys, a good token that is no key. */
  readonly cookie?: number;
  readonly expected: Readonly<Partial<Record<Caller, number>>>;
}

const PEOPLE: readonly Caller[] = [
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
];
const KEYS: readonly Caller[] = ['readKey', 'writeKey', 'strangerKey'];

const all = (names: readonly Caller[], status: number): Partial<Record<Caller, number>> =>
  Object.fromEntries(names.map((name) => [name, status]));
const managers = (status: number) => all(['teamAdmin', 'teamOwner'], status);
const members = (status: number) =>
  all(['viewer', 'editor', 'siteAdmin', 'siteOwner', 'member', 'teamAdmin', 'teamOwner'], status);
const seers = (status: number) =>
  all(
    [
      'viewer',
      'editor',
      'siteAdmin',
      'siteOwner',
      'teamAdmin',
      'teamOwner',
      'instanceAdmin',
      'instanceOwner',
    ],
    status,
  );
const siteManagers = (status: number) =>
  all(['siteAdmin', 'siteOwner', 'teamAdmin', 'teamOwner', 'instanceOwner'], status);
const siteOwners = (status: number) => all(['siteOwner', 'teamOwner', 'instanceOwner'], status);
/** Those who see the site, and may not do what owners of it may. */
const otherSeers = (status: number) => ({ ...seers(status), ...siteOwners(status) });

const own = (request: string, does: string, status: number, body?: string): Row => ({
  request,
  does,
  route: 'people',
  ...(body === undefined ? {} : { body }),
  cookie: status,
  expected: {},
});

/** Somebody else's personal client: it is there for its owner alone. */
const others = (request: string, does: string, body?: string): Row => ({
  ...own(request, does, 404, body),
});

const team = (request: string, does: string, status: number, body?: string): Row => ({
  ...own(request, does, 403, body),
  expected: managers(status),
});

const organization = (
  request: string,
  does: string,
  expected: Partial<Record<Caller, number>>,
  body?: string,
): Row => ({
  request,
  does,
  route: 'keys',
  ...(body === undefined ? {} : { body }),
  cookie: 403,
  expected,
});

const CLIENT = '{"name":"made","site_roles":[{"site_id":"{site}","role":"viewer"}]}';
const CLIENT_UPDATE = '{"name":"changed"}';
const PERSONAL_UPDATE = '{"name":"changed","instance_role":"user"}';

export const rows: readonly Row[] = [
  // One's own.
  {
    request: 'POST /api/auth/login',
    does: 'signs in, with the right password',
    route: 'anybody',
    body: '{login}',
    expected: all(Object.keys(callers) as Caller[], 200),
  },
  own('POST /api/auth/logout', 'signs out', 204),
  own('GET /api/user', 'shows oneself', 200),
  own(
    'PUT /api/user/password',
    'changes the own password, the old one being wrong',
    401,
    '{"current_password":"wrong wrong wrong","new_password":"long enough, surely"}',
  ),
  own('GET /api/user/api-clients', 'lists own clients', 200),
  own('POST /api/user/api-clients', 'makes a client without grants', 201, '{"name":"mine"}'),
  {
    ...own('POST /api/user/api-clients', 'makes a client that is viewer on the site', 403, CLIENT),
    expected: { ...seers(201), instanceAdmin: 403 },
  },
  {
    ...own(
      'POST /api/user/api-clients',
      'makes a client that is owner on the site',
      403,
      CLIENT.replace('viewer', 'owner'),
    ),
    expected: siteOwners(201),
  },
  {
    ...own(
      'POST /api/user/api-clients',
      'makes a client that is instance admin',
      403,
      '{"name":"mine","instance_role":"admin"}',
    ),
    expected: all(['instanceAdmin', 'instanceOwner'], 201),
  },
  others('GET /api/user/api-clients/{personal}', "shows somebody else's client"),
  others('PUT /api/user/api-clients/{personal}', "changes somebody else's client", PERSONAL_UPDATE),
  others('DELETE /api/user/api-clients/{personal}', "deletes somebody else's client"),
  others('POST /api/user/api-clients/{personal}/rotate', "rolls somebody else's client"),
  others('GET /api/user/api-clients/{personal}/usage', "shows the use of somebody else's client"),
  // A team's clients.
  team('GET /api/user/teams/{team}/api-clients', "lists the team's clients", 200),
  team(
    'POST /api/user/teams/{team}/api-clients',
    'makes a client of the team',
    201,
    CLIENT.replace('viewer', 'owner'),
  ),
  {
    ...own(
      'POST /api/user/teams/{team}/api-clients',
      "makes one with a role on another team's site",
      403,
      CLIENT.replace('{site}', '{otherSite}'),
    ),
    expected: {},
  },
  team('GET /api/user/teams/{team}/api-clients/{client}', 'shows one', 200),
  team('PUT /api/user/teams/{team}/api-clients/{client}', 'changes one', 200, CLIENT_UPDATE),
  team('DELETE /api/user/teams/{team}/api-clients/{client}', 'deletes one', 204),
  team('POST /api/user/teams/{team}/api-clients/{client}/rotate', 'rolls one', 200),
  team('GET /api/user/teams/{team}/api-clients/{client}/usage', 'shows its use', 200),
  team('GET /api/user/teams/{team}/api-clients/{otherClient}', "shows another team's client", 404),
  team('DELETE /api/user/teams/{team}/api-clients/{otherClient}', "deletes another team's client", 404),
  // Teams.
  own('GET /api/user/teams', 'lists own teams', 200),
  {
    ...own('POST /api/user/teams', 'makes a team', 403, '{"name":"new"}'),
    expected: all(['instanceAdmin', 'instanceOwner'], 201),
  },
  { ...own('GET /api/user/teams/{team}', 'shows a team', 403), expected: members(200) },
  team('PUT /api/user/teams/{team}', 'renames a team', 200, '{"name":"renamed"}'),
  { ...own('DELETE /api/user/teams/{team}', 'archives a team', 403), expected: { teamOwner: 204 } },
  { ...own('GET /api/user/teams/{team}/members', 'lists members', 403), expected: members(200) },
  team(
    'POST /api/user/teams/{team}/members',
    'adds a member',
    201,
    '{"user_id":"{newcomer}","role":"member"}',
  ),
  {
    ...own(
      'POST /api/user/teams/{team}/members',
      'adds an owner',
      403,
      '{"user_id":"{newcomer}","role":"owner"}',
    ),
    expected: { teamOwner: 201 },
  },
  team(
    'PUT /api/user/teams/{team}/members/{someMember}',
    "changes a member's role to admin",
    200,
    '{"role":"admin"}',
  ),
  {
    ...own('PUT /api/user/teams/{team}/members/{someOwner}', 'takes an owner down', 403, '{"role":"member"}'),
    expected: { teamOwner: 200 },
  },
  team('DELETE /api/user/teams/{team}/members/{someMember}', 'removes a member', 204),
  {
    ...own('DELETE /api/user/teams/{team}/members/{someOwner}', 'removes an owner', 403),
    expected: { teamOwner: 204 },
  },
  team('GET /api/user/teams/{team}/audit', "reads the team's audit log", 200),
  // Sites.
  own('GET /api/sites', 'lists the sites one may see', 200),
  {
    ...own(
      'POST /api/sites',
      'makes a site of the team',
      403,
      '{"domain":"{fresh}.example.org","team_id":"{team}"}',
    ),
    expected: managers(201),
  },
  { ...own('GET /api/sites/{site}', 'shows a site', 404), expected: seers(200) },
  {
    ...own(
      'PUT /api/sites/{site}',
      'moves a site to a team that one does not manage',
      404,
      '{"team_id":"{otherTeam}"}',
    ),
    expected: otherSeers(403),
  },
  {
    ...own('DELETE /api/sites/{site}', 'deletes a site', 404),
    expected: { ...seers(403), ...siteOwners(204) },
  },
  {
    ...own('GET /api/sites/{site}/members', "lists the site's members", 404),
    expected: { ...seers(403), ...siteManagers(200) },
  },
  {
    ...own(
      'POST /api/sites/{site}/members',
      'makes a member of the team editor of the site',
      404,
      '{"user_id":"{someMember}","role":"editor"}',
    ),
    expected: { ...seers(403), ...siteManagers(201) },
  },
  {
    ...own(
      'POST /api/sites/{site}/members',
      'makes a member of the team owner of the site',
      404,
      '{"user_id":"{someMember}","role":"owner"}',
    ),
    expected: { ...seers(403), ...siteOwners(201) },
  },
  {
    ...own(
      'POST /api/sites/{site}/members',
      'gives a role to somebody outside of the team',
      404,
      '{"user_id":"{newcomer}","role":"viewer"}',
    ),
    expected: { ...seers(403), ...siteManagers(404) },
  },
  {
    ...own(
      'PUT /api/sites/{site}/members/{viewer}',
      "changes a viewer's role to editor",
      404,
      '{"role":"editor"}',
    ),
    expected: { ...seers(403), ...siteManagers(200) },
  },
  {
    ...own('DELETE /api/sites/{site}/members/{viewer}', "takes a viewer's role away", 404),
    expected: { ...seers(403), ...siteManagers(204) },
  },
  // The instance.
  { ...own('GET /api/users', 'lists all users', 403), expected: { instanceOwner: 200 } },
  {
    ...own('POST /api/users', 'makes a user', 403, '{"email":"{fresh}@example.org"}'),
    expected: { instanceOwner: 201 },
  },
  {
    ...own('PUT /api/users/{newcomer}', "changes a user's instance role", 403, '{"instance_role":"admin"}'),
    expected: { instanceOwner: 200 },
  },
  { ...own('DELETE /api/users/{newcomer}', 'deletes a user', 403), expected: { instanceOwner: 204 } },
  {
    ...own('GET /api/audit', "reads the instance's audit log", 403),
    expected: all(['instanceAdmin', 'instanceOwner'], 200),
  },
  own('GET /api/revocations/1', 'reads a receipt', 200),
  // Organization keys.
  organization('GET /v1/api-keys?organizationId={team}', "lists the organization's keys", {
    ...managers(200),
    readKey: 200,
    writeKey: 200,
    strangerKey: 403,
  }),
  organization(
    'POST /v1/api-keys?organizationId={team}',
    'makes a read key',
    { ...managers(200), readKey: 200, writeKey: 200, strangerKey: 403 },
    '{"name":"made"}',
  ),
  organization(
    'POST /v1/api-keys?organizationId={team}',
    'makes a read-write key',
    { ...managers(200), readKey: 403, writeKey: 200, strangerKey: 403 },
    '{"name":"made","scope":"read-write"}',
  ),
  organization('GET /v1/api-keys/{key}?organizationId={team}', 'shows a key', {
    ...managers(200),
    readKey: 200,
    writeKey: 200,
    strangerKey: 403,
  }),
  organization('DELETE /v1/api-keys/{key}?organizationId={team}', 'ends a read-write key', {
    ...managers(200),
    readKey: 403,
    writeKey: 200,
    strangerKey: 403,
  }),
  organization('GET /v1/service-accounts?organizationId={team}', 'lists service accounts', {
    ...managers(200),
    readKey: 200,
    writeKey: 200,
    strangerKey: 403,
  }),
  organization(
    'POST /v1/service-accounts?organizationId={team}',
    'makes a service account',
    { ...managers(200), readKey: 403, writeKey: 200, strangerKey: 403 },
    '{"name":"made"}',
  ),
  organization(
    'DELETE /v1/service-accounts/{account}?organizationId={team}',
    'deletes a service account and its keys',
    { ...managers(200), readKey: 403, writeKey: 200, strangerKey: 403 },
  ),
  // Tokens found in the wild.
  {
    request: 'POST /api/tokens/revoke-leaked',
    does: 'ends a token by showing it',
    route: 'anybody',
    body: '{"tokens":["no token of ours"]}',
    expected: all(Object.keys(callers) as Caller[], 202),
  },
  {
    request: 'POST /api/tokens/github-secret-scanning',
    does: 'reports leaked tokens without a signature',
    route: 'anybody',
    body: '[]',
    expected: all(Object.keys(callers) as Caller[], 401),
  },
  // Records.
  {
    request: 'POST /api/ingest/server/pageview',
    does: 'sends a pageview of the site',
    route: 'records',
    body: '{pageview}',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  {
    request: 'POST /api/ingest/server/event',
    does: 'sends an event of the site',
    route: 'records',
    body: '{event}',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  {
    request: 'POST /api/sites/{site}/ingest/ai-fetch',
    does: 'sends an AI fetch of the site',
    route: 'records',
    body: '{aiFetch}',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  {
    request: 'POST /api/ingest/server/batch',
    does: 'sends a batch of one pageview of the site',
    route: 'records',
    body: '{batch}',
    // That nothing was accepted is 400, whatever the reason for each record.
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 400),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  {
    request: 'POST /api/sites/{site}/ingest/cloudfront',
    does: 'delivers a log file of CloudFront',
    route: 'records',
    body: '#Version: 1.0',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  {
    request: 'POST /api/sites/{site}/ingest/firehose',
    does: 'delivers by Amazon Data Firehose',
    route: 'records',
    body: '{"requestId":"x","records":[]}',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 200),
    },
  },
  {
    request: 'POST /api/sites/{site}/ingest/cloudflare',
    does: 'delivers a log of Cloudflare',
    route: 'records',
    body: '{"content":"tests"}',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  {
    request: 'POST /api/sites/{site}/ingest/access-log',
    does: 'delivers an access log',
    route: 'records',
    body: '{}',
    expected: {
      ...all([...CLIENTS, 'readKey', 'strangerKey'], 403),
      ...all(['adminToken', 'ownerToken', 'writeKey'], 202),
    },
  },
  // Anybody.
  {
    request: 'GET /healthz',
    does: 'asks whether the process lives',
    route: 'anybody',
    expected: all(Object.keys(callers) as Caller[], 200),
  },
  {
    request: 'GET /api/ai-agents',
    does: 'lists the AI crawlers that are known',
    route: 'anybody',
    expected: all(Object.keys(callers) as Caller[], 200),
  },
  {
    request: 'GET /readyz',
    does: 'asks whether it takes records',
    route: 'anybody',
    expected: all(Object.keys(callers) as Caller[], 200),
  },
];

export function statusOf(row: Row, caller: Caller): number {
  const named = row.expected[caller];
  if (named !== undefined) return named;
  if (row.route === 'people' && PEOPLE.includes(caller)) return row.cookie ?? 401;
  if (row.route === 'keys' && [...PEOPLE, ...CLIENTS, ...KEYS].includes(caller)) return row.cookie ?? 401;
  return 401;
}

/** The tables of docs/permissions.md. */
export function printTable(): string {
  const names = Object.keys(callers) as Caller[];
  const others = names.filter((name) => !PEOPLE.includes(name));
  const legend = names.map((name) => `| ${name} | ${callers[name]} |`);
  const lines = rows.map((row) => {
    const ofPeople = usualOf(row, PEOPLE);
    const ofOthers = usualOf(row, others);
    const named = names.filter(
      (name) => statusOf(row, name) !== (PEOPLE.includes(name) ? ofPeople : ofOthers),
    );
    const groups = [...Map.groupBy(named, (name) => statusOf(row, name))]
      .toSorted(([one], [other]) => one - other)
      .map(([status, who]) => `${status}: ${who.join(', ')}`);
    return `| \`${row.request}\` | ${row.does} | ${groups.join('; ')} | ${ofPeople} | ${ofOthers} |`;
  });
  return [
    '| caller | who |',
    '| --- | --- |',
    ...legend,
    '',
    '| request | does | answers | other people signed in | everybody else |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

/** The most frequent answer among `names`. */
function usualOf(row: Row, names: readonly Caller[]): number {
  const groups = [...Map.groupBy(names, (name) => statusOf(row, name))];
  return groups.toSorted((one, other) => other[1].length - one[1].length)[0]?.[0] ?? 401;
}
