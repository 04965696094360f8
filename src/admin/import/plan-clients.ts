/** The part of a plan that is about API clients: whose they are, whether their tokens are free, what they reach. Pure. */
import { normaliseDomain } from '../sites/site.ts';
import type { Draft, Existing, Plan } from './plan.ts';
import type { ClientRow, Placed } from './read.ts';

/** The clients to be made, each with its one owner. */
export function planClients(
  rows: readonly Placed<ClientRow>[],
  existing: Existing,
  draft: Draft,
): Plan['api_clients'] {
  const hashOf = new Map(existing.clients.map(({ id, secret_hash }) => [id, secret_hash]));
  const hashes = new Set([
    ...existing.clients.map(({ secret_hash }) => secret_hash),
    ...existing.formerHashes,
  ]);
  return rows.flatMap(({ place, row }) => {
    const owner = findOwner(row, draft);
    const reason = typeof owner === 'string' ? owner : judgeHash(row, hashOf, hashes);
    if (typeof owner === 'string' || reason !== null) {
      draft.refused.push({ place, reason: reason ?? '' });
      return [];
    }
    draft.clients.set(row.id, owner.tenant_id);
    if (hashOf.has(row.id)) {
      draft.same.api_clients++;
      return [];
    }
    hashes.add(row.secret_hash);
    hashOf.set(row.id, row.secret_hash);
    const { site_roles: _roles, user_email: _email, team_name: _name, ...columns } = row;
    return [{ ...columns, ...owner }];
  });
}

/** A reason, or null. */
function judgeHash(
  row: ClientRow,
  hashOf: ReadonlyMap<string, string>,
  hashes: ReadonlySet<string>,
): string | null {
  const there = hashOf.get(row.id);
  if (there !== undefined) return there === row.secret_hash ? null : 'id: another client has it';
  return hashes.has(row.secret_hash) ? 'secret_hash: another client has it' : null;
}

function findOwner(
  row: ClientRow,
  draft: Draft,
): { readonly user_id: string | null; readonly tenant_id: string | null } | string {
  const named = [row.user_id ?? row.user_email, row.tenant_id ?? row.team_name].filter((one) => one !== null);
  if (named.length !== 1) return 'user_id, tenant_id: it needs exactly one owner';
  if (row.user_id !== null || row.user_email !== null) {
    const userId =
      row.user_id === null
        ? draft.userByEmail.get((row.user_email ?? '').toLowerCase())
        : draft.userOf.get(row.user_id);
    return userId === undefined ? 'user_id: no such user' : { user_id: userId, tenant_id: null };
  }
  const teamId = row.tenant_id ?? draft.teamByName.get(row.team_name ?? '');
  if (teamId === null) return 'team_name: several teams have it';
  return teamId !== undefined && draft.teams.has(teamId)
    ? { user_id: null, tenant_id: teamId }
    : 'tenant_id: no such team';
}

/** A role to be given, or why not. */
export function planRole(
  row: { readonly api_client_id: string; readonly site_id: string; readonly role: string },
  draft: Draft,
): { key: string; row: { api_client_id: string; site_id: string; role: string } } | string {
  const teamId = draft.clients.get(row.api_client_id);
  if (teamId === undefined) return 'api_client_id: no such client in the file, or it is refused';
  const siteId = draft.sites.has(row.site_id)
    ? row.site_id
    : draft.siteByDomain.get(normaliseDomain(row.site_id) ?? '');
  const team = siteId === undefined ? undefined : draft.sites.get(siteId);
  if (siteId === undefined || team === undefined) return 'site_id: no such site';
  if (teamId !== null && team !== teamId) return "site_id: a team's client reaches only sites of its team";
  return { key: `${row.api_client_id} ${siteId}`, row: { ...row, site_id: siteId } };
}
