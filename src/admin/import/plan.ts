/**
 * Rows of an export and what is here already -> what has to be made, what is there, and what is refused and why.
 * A row that names something which is neither in the file nor here is refused, and so is what depends on it. A user
 * whose address is here already is that user. Pure.
 */
import { isPasswordHash } from '../sign-in/password.ts';
import { normaliseDomain } from '../sites/site.ts';
import { planClients, planRole } from './plan-clients.ts';
import type { ClientRow, Export, Fault, Placed, SiteRow, TeamRow, UserRow } from './read.ts';

/** What the database has of that which the file names. */
export interface Existing {
  readonly users: readonly { readonly id: string; readonly email: string }[];
  readonly teams: readonly { readonly id: string; readonly name: string }[];
  readonly sites: readonly { readonly id: string; readonly domain: string; readonly tenant_id: string }[];
  readonly clients: readonly { readonly id: string; readonly secret_hash: string }[];
  /** Of tokens that were rolled: no other client may have them. */
  readonly formerHashes: readonly string[];
  /** 'team user', 'site user', 'client site'. */
  readonly pairs: ReadonlySet<string>;
  /** Null: there is none yet. */
  readonly defaultTeamId: string | null;
}

export const kinds = [
  'users',
  'teams',
  'team_members',
  'sites',
  'site_members',
  'api_clients',
  'site_roles',
] as const;
export type KindName = (typeof kinds)[number];

export interface PlannedClient extends Omit<ClientRow, 'site_roles' | 'user_email' | 'team_name'> {
  readonly user_id: string | null;
  readonly tenant_id: string | null;
}

export interface Plan {
  readonly users: readonly (UserRow & { readonly password_hash: string | null })[];
  readonly teams: readonly TeamRow[];
  readonly team_members: readonly { tenant_id: string; user_id: string; role: string }[];
  readonly sites: readonly { id: string; domain: string; tenant_id: string }[];
  readonly site_members: readonly { site_id: string; user_id: string; role: string }[];
  readonly api_clients: readonly PlannedClient[];
  readonly site_roles: readonly { api_client_id: string; site_id: string; role: string }[];
  /** Already there, by kind. */
  readonly same: Readonly<Record<KindName, number>>;
  readonly refused: readonly Fault[];
  readonly remarks: readonly Fault[];
}

/** What the steps share: what is known so far, and what was found. */
export interface Draft {
  readonly userOf: Map<string, string>;
  readonly userByEmail: Map<string, string>;
  readonly teams: Set<string>;
  readonly teamByName: Map<string, string | null>;
  /** Site -> team. */
  readonly sites: Map<string, string>;
  readonly siteByDomain: Map<string, string>;
  /** Client -> its team; null: personal. */
  readonly clients: Map<string, string | null>;
  readonly same: Record<KindName, number>;
  readonly refused: Fault[];
  readonly remarks: Fault[];
}

export function planImport(rows: Export, existing: Existing): Plan {
  const draft = createDraft(existing);
  const users = planUsers(rows.users, existing, draft);
  const teams = planTeams(rows.teams, existing, draft);
  const sites = planSites(rows.sites, existing, draft);
  const team_members = planPairs(
    'team_members',
    rows.team_members,
    existing,
    draft,
    ({ tenant_id, user_id, role }) => {
      const user = draft.userOf.get(user_id);
      if (user === undefined) return 'user_id: no such user';
      return draft.teams.has(tenant_id)
        ? { key: `${tenant_id} ${user}`, row: { tenant_id, user_id: user, role } }
        : 'tenant_id: no such team';
    },
  );
  const site_members = planPairs(
    'site_members',
    rows.site_members,
    existing,
    draft,
    ({ site_id, user_id, role }) => {
      const user = draft.userOf.get(user_id);
      if (user === undefined) return 'user_id: no such user';
      return draft.sites.has(site_id)
        ? { key: `${site_id} ${user}`, row: { site_id, user_id: user, role } }
        : 'site_id: no such site';
    },
  );
  const api_clients = planClients(rows.api_clients, existing, draft);
  const inline = rows.api_clients.flatMap(({ place, row }) =>
    row.site_roles.map((role) => ({ place, row: { api_client_id: row.id, ...role } })),
  );
  const site_roles = planPairs('site_roles', [...rows.site_roles, ...inline], existing, draft, (row) =>
    planRole(row, draft),
  );
  const { same, refused, remarks } = draft;
  return { users, teams, team_members, sites, site_members, api_clients, site_roles, same, refused, remarks };
}

function createDraft(existing: Existing): Draft {
  const teamByName = new Map<string, string | null>();
  for (const { id, name } of existing.teams) teamByName.set(name, teamByName.has(name) ? null : id);
  return {
    userOf: new Map(existing.users.map(({ id }) => [id, id])),
    userByEmail: new Map(existing.users.map(({ id, email }) => [email.toLowerCase(), id])),
    teams: new Set(existing.teams.map(({ id }) => id)),
    teamByName,
    sites: new Map(existing.sites.map(({ id, tenant_id }) => [id, tenant_id])),
    siteByDomain: new Map(existing.sites.map(({ id, domain }) => [domain, id])),
    clients: new Map(),
    same: { users: 0, teams: 0, team_members: 0, sites: 0, site_members: 0, api_clients: 0, site_roles: 0 },
    refused: [],
    remarks: [],
  };
}

function planUsers(rows: readonly Placed<UserRow>[], existing: Existing, draft: Draft): Plan['users'] {
  const emailOf = new Map(existing.users.map(({ id, email }) => [id, email.toLowerCase()]));
  return rows.flatMap(({ place, row }) => {
    const email = row.email.toLowerCase();
    const sameEmail = draft.userByEmail.get(email);
    if (sameEmail !== undefined) {
      if (sameEmail !== row.id)
        draft.remarks.push({ place, reason: 'the user with this address here stands for it' });
      draft.userOf.set(row.id, sameEmail);
      draft.same.users++;
      return [];
    }
    if (emailOf.has(row.id) || draft.userOf.has(row.id)) {
      draft.refused.push({ place, reason: 'id: another user has it' });
      return [];
    }
    draft.userOf.set(row.id, row.id);
    draft.userByEmail.set(email, row.id);
    const hash = row.password_hash ?? '';
    const isUsable = isPasswordHash(hash);
    if (!isUsable)
      draft.remarks.push({ place, reason: "no argon2id password: 'sluice user password' gives one" });
    return [{ ...row, password_hash: isUsable ? hash : null }];
  });
}

function planTeams(rows: readonly Placed<TeamRow>[], existing: Existing, draft: Draft): Plan['teams'] {
  const there = new Set(existing.teams.map(({ id }) => id));
  return rows.flatMap(({ row }) => {
    draft.teams.add(row.id);
    if (there.has(row.id)) {
      draft.same.teams++;
      return [];
    }
    there.add(row.id);
    draft.teamByName.set(row.name, draft.teamByName.has(row.name) ? null : row.id);
    return [row];
  });
}

function planSites(rows: readonly Placed<SiteRow>[], existing: Existing, draft: Draft): Plan['sites'] {
  const domainOf = new Map(existing.sites.map(({ id, domain }) => [id, domain]));
  return rows.flatMap(({ place, row }) => {
    const refuse = (reason: string): [] => {
      draft.refused.push({ place, reason });
      return [];
    };
    const domain = normaliseDomain(row.domain);
    const teamId = row.tenant_id ?? existing.defaultTeamId;
    if (domain === null) return refuse('domain: no host name');
    if (teamId === null || !draft.teams.has(teamId)) return refuse('tenant_id: no such team');
    if (domainOf.get(row.id) === domain) {
      draft.same.sites++;
      return [];
    }
    if (domainOf.has(row.id) || draft.sites.has(row.id)) return refuse('id: another site has it');
    if (draft.siteByDomain.has(domain)) return refuse('domain: another site has it');
    draft.sites.set(row.id, teamId);
    draft.siteByDomain.set(domain, row.id);
    return [{ id: row.id, domain, tenant_id: teamId }];
  });
}

/** Rows that are identified by two ids: those that are there stay as they are. */
function planPairs<T, R>(
  kind: KindName,
  rows: readonly Placed<T>[],
  existing: Existing,
  draft: Draft,
  judge: (row: T) => { readonly key: string; readonly row: R } | string,
): readonly R[] {
  const planned = new Map<string, R>();
  for (const { place, row } of rows) {
    const judged = judge(row);
    if (typeof judged === 'string') draft.refused.push({ place, reason: judged });
    else if (existing.pairs.has(judged.key)) draft.same[kind]++;
    else planned.set(judged.key, judged.row);
  }
  return [...planned.values()];
}
