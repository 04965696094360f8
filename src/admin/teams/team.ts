/** Teams own sites, team clients and organization keys. The database keeps them as tenants. */
import { randomUUID } from 'node:crypto';
import type { Sql, Transaction } from '../../store/connect.ts';
import type { TeamRole } from '../actor.ts';
import { lockOwner, touchClients, touchClientsOf, type Change } from '../change.ts';

/** The id of the team that owns sites created without naming one; made when it does not exist yet. */
export async function ensureDefaultTeam(sql: Sql | Transaction): Promise<string> {
  await sql`
    INSERT INTO tenants (id, name, is_default) VALUES (${randomUUID()}, 'Default team', true)
    ON CONFLICT DO NOTHING`;
  const [team] = await sql<{ id: string }[]>`SELECT id FROM tenants WHERE is_default`;
  if (team === undefined) throw new Error('the default team is gone between two statements');
  return team.id;
}

export async function createTeam(change: Change, name: string, ownerId: string): Promise<string> {
  const id = randomUUID();
  await change.tx`INSERT INTO tenants (id, name) VALUES (${id}, ${name})`;
  await change.tx`INSERT INTO tenant_members (tenant_id, user_id, role) VALUES (${id}, ${ownerId}, 'owner')`;
  change.audit({
    action: 'team.created',
    teamId: id,
    targetType: 'team',
    targetId: id,
    targetLabel: name,
    after: { id, name },
  });
  return id;
}

/** Its clients and keys end, its sites take no more records; nothing is deleted. */
export async function archiveTeam(change: Change, team: { id: string; name: string }): Promise<void> {
  const { tx } = change;
  // Whoever makes a client, key or site of the team meanwhile waits, and finds it archived.
  await tx`SELECT FROM tenants WHERE id = ${team.id} FOR UPDATE`;
  await tx`UPDATE tenants SET archived_at = now(), updated_at = now() WHERE id = ${team.id}`;
  change.audit({
    action: 'team.archived',
    teamId: team.id,
    targetType: 'team',
    targetId: team.id,
    targetLabel: team.name,
  });
  const sites = await tx<{ domain: string }[]>`SELECT domain FROM sites WHERE tenant_id = ${team.id}`;
  change.revoke(sites.map(({ domain }) => ({ kind: 'site', subject: domain, version: 1 })));
  change.revoke(await touchClients(tx, await findClientsOfTeam(tx, team.id)));
}

/** The team's own clients and keys, and all others that have a role on one of its sites. */
async function findClientsOfTeam(tx: Transaction, teamId: string): Promise<readonly string[]> {
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM api_clients WHERE tenant_id = ${teamId} OR organization_id = ${teamId}
    UNION
    SELECT r.api_client_id FROM api_client_site_roles r JOIN sites s ON s.id = r.site_id
    WHERE s.tenant_id = ${teamId}`;
  return rows.map((row) => row.id);
}

export interface Member {
  readonly user_id: string;
  readonly email: string;
  readonly role: TeamRole;
  readonly created_at: Date;
}

export async function listMembers(sql: Sql | Transaction, teamId: string): Promise<readonly Member[]> {
  return sql<Member[]>`
    SELECT m.user_id, u.email, m.role, m.created_at FROM tenant_members m JOIN users u ON u.id = m.user_id
    WHERE m.tenant_id = ${teamId} ORDER BY u.email`;
}

/** Locked until the end of the transaction, so that two owners cannot leave at once. */
export async function lockMembers(tx: Transaction, teamId: string): Promise<readonly Member[]> {
  await tx`SELECT FROM tenants WHERE id = ${teamId} FOR UPDATE`;
  return listMembers(tx, teamId);
}

/** Adds a member, changes its role, or, with `role` null, removes it, with its roles on the team's sites. */
export async function setMember(
  change: Change,
  teamId: string,
  member: { readonly user_id: string; readonly email: string },
  before: TeamRole | null,
  role: TeamRole | null,
): Promise<void> {
  const { tx } = change;
  const userId = member.user_id;
  await lockOwner(tx, userId);
  if (role === null) {
    await tx`DELETE FROM tenant_members WHERE tenant_id = ${teamId} AND user_id = ${userId}`;
    await tx`
      DELETE FROM site_members
      WHERE user_id = ${userId} AND site_id IN (SELECT id FROM sites WHERE tenant_id = ${teamId})`;
  } else {
    await tx`
      INSERT INTO tenant_members (tenant_id, user_id, role) VALUES (${teamId}, ${userId}, ${role})
      ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role`;
  }
  change.audit({
    action: nameMemberChange(before, role),
    teamId,
    targetType: 'user',
    targetId: userId,
    targetLabel: member.email,
    before: before === null ? null : { role: before },
    after: role === null ? null : { role },
  });
  change.revoke(await touchClientsOf(tx, userId));
}

function nameMemberChange(before: TeamRole | null, after: TeamRole | null): string {
  if (before === null) return 'team_member.added';
  return after === null ? 'team_member.removed' : 'team_member.updated';
}
