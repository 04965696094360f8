/** Reads what is here of an export, and writes a plan: everything in one transaction, many rows in one statement. */
import { randomUUID } from 'node:crypto';
import type { Sql, Transaction } from '../../store/connect.ts';
import { touchClients, type Change } from '../change.ts';
import type { Existing, Plan, PlannedClient } from './plan.ts';
import type { Export } from './read.ts';

/** So many rows in one statement. */
const ROWS_MAX = 1000;

export async function readExisting(sql: Sql | Transaction, rows: Export): Promise<Existing> {
  const ids = (list: readonly { readonly row: { readonly id: string } }[]): string[] =>
    list.map(({ row }) => row.id);
  const hashes = rows.api_clients.map(({ row }) => row.secret_hash);
  const pairs = await sql<{ pair: string }[]>`
    SELECT tenant_id || ' ' || user_id AS pair FROM tenant_members
    UNION ALL SELECT site_id || ' ' || user_id FROM site_members
    UNION ALL SELECT api_client_id || ' ' || site_id FROM api_client_site_roles
              WHERE api_client_id = ANY(${ids(rows.api_clients)}::uuid[])`;
  const formerHashes = await sql<{ hash: string }[]>`
    SELECT previous_secret_hash AS hash FROM api_clients WHERE previous_secret_hash = ANY(${hashes}::text[])`;
  const defaults = await sql<{ id: string }[]>`SELECT id FROM tenants WHERE is_default`;
  return {
    users: await sql<Existing['users'][number][]>`SELECT id, email FROM users`,
    teams: await sql<Existing['teams'][number][]>`SELECT id, name FROM tenants WHERE archived_at IS NULL`,
    sites: await sql<Existing['sites'][number][]>`SELECT id, domain, tenant_id FROM sites`,
    clients: await sql<Existing['clients'][number][]>`
      SELECT id, secret_hash FROM api_clients
      WHERE id = ANY(${ids(rows.api_clients)}::uuid[]) OR secret_hash = ANY(${hashes}::text[])`,
    formerHashes: formerHashes.map(({ hash }) => hash),
    pairs: new Set(pairs.map(({ pair }) => pair)),
    defaultTeamId: defaults[0]?.id ?? null,
  };
}

/** How many rows a plan writes: what `onProgress` counts up to. */
export function countRows(plan: Plan): number {
  const { users, teams, team_members, sites, site_members, api_clients, site_roles } = plan;
  return [users, teams, team_members, sites, site_members, api_clients, site_roles].reduce(
    (sum, rows) => sum + rows.length,
    0,
  );
}

export async function applyPlan(
  change: Change,
  plan: Plan,
  onProgress: (rowsDone: number) => void,
): Promise<void> {
  const { tx } = change;
  const version = await chooseVersion(tx, plan);
  let done = 0;
  const insert = async (table: string, rows: readonly object[]): Promise<void> => {
    for (let from = 0; from < rows.length; from += ROWS_MAX) {
      const part = rows.slice(from, from + ROWS_MAX);
      await tx`INSERT INTO ${tx(table)} ${tx(part as Record<string, string>[])}`;
      done += part.length;
      onProgress(done);
    }
  };
  await insert(
    'users',
    plan.users.map(({ id, email, password_hash, instance_role }) => ({
      id,
      email,
      password_hash,
      instance_role: instance_role ?? 'user',
    })),
  );
  await insert('tenants', plan.teams);
  await insert('tenant_members', plan.team_members);
  await insert('sites', plan.sites);
  await insert('site_members', plan.site_members);
  await insert(
    'api_clients',
    plan.api_clients.map((client) => columnsOf(client, version)),
  );
  await insert(
    'api_client_site_roles',
    plan.site_roles.map((role) => ({ id: randomUUID(), ...role })),
  );
  await announceChanged(change, plan);
  note(change, plan, version);
}

/**
 * Above all that was announced of these tokens in an earlier life, when the version grew by one with every change: a client
 * may be deleted and imported again.
 */
async function chooseVersion(tx: Transaction, { api_clients }: Plan): Promise<number> {
  const hashes = api_clients.map(({ secret_hash }) => secret_hash);
  const [row] = await tx<{ version: number }[]>`
    SELECT greatest(floor(extract(epoch FROM now()) * 1000), coalesce(max(version), 0) + 1)::float8 AS version
    FROM revocation_log WHERE kind = 'client' AND subject = ANY(${hashes}::text[])`;
  return row?.version ?? Date.now();
}

/** What is new of clients and people that were here before: they may do more, or less, from now on. */
async function announceChanged(change: Change, plan: Plan): Promise<void> {
  const { tx } = change;
  const newClients = new Set(plan.api_clients.map(({ id }) => id));
  const newUsers = new Set(plan.users.map(({ id }) => id));
  const withRoles = plan.site_roles.map((row) => row.api_client_id);
  const users = [...plan.site_members, ...plan.team_members]
    .map((row) => row.user_id)
    .filter((id) => !newUsers.has(id));
  const clients = await tx<{ id: string }[]>`
    SELECT id FROM api_clients WHERE id = ANY(${withRoles}::uuid[]) OR user_id = ANY(${users}::uuid[])`;
  const ids = clients.map(({ id }) => id).filter((id) => !newClients.has(id));
  change.revoke(await touchClients(tx, ids));
}

function columnsOf(client: PlannedClient, version: number): object {
  const createdAt = client.created_at ?? new Date();
  return {
    id: client.id,
    user_id: client.user_id,
    tenant_id: client.tenant_id,
    name: client.name,
    description: client.description ?? '',
    secret_hash: client.secret_hash,
    version,
    // The token itself is not in an export: its last characters are not known.
    token_hint: null,
    instance_role: client.instance_role || 'user',
    expires_at: client.expires_at,
    revoked_at: client.revoked_at,
    created_at: createdAt,
    updated_at: client.updated_at ?? createdAt,
  };
}

/** One entry for each team, and one for people's own clients, with the hashes by which the clients can be found. */
function note(change: Change, plan: Plan, version: number): void {
  const byTeam = Map.groupBy(plan.api_clients, (client) => client.tenant_id);
  for (const [teamId, clients] of byTeam) {
    change.audit({
      action: 'api_client.imported',
      teamId,
      targetType: 'import',
      targetId: null,
      targetLabel: `${clients.length} clients of HitKeep`,
      after: { api_clients: clients.map(({ id }) => id) },
      tokenHashes: clients.map((client) => client.secret_hash),
    });
  }
  const { users, teams, sites } = plan;
  const counts = { users: users.length, teams: teams.length, sites: sites.length };
  if (users.length + teams.length + sites.length > 0)
    change.audit({
      action: 'instance.imported',
      teamId: null,
      targetType: 'import',
      targetId: null,
      targetLabel: 'HitKeep',
      after: counts,
    });
  change.revoke([
    ...sites.map(({ domain }) => ({ kind: 'site', subject: domain, version: 1 }) as const),
    ...plan.api_clients.map((client) => ({ kind: 'client', subject: client.secret_hash, version }) as const),
  ]);
}
