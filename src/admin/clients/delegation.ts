/**
 * Who may give what away. HitKeep's rules: nobody gives a personal client more than they have, an instance owner
 * excepted; a team's owners and admins give any role, but only on sites of that team.
 */
import type { SiteRole } from '../../grants/grant.ts';
import { parseUuid } from '../../records/identity.ts';
import type { Sql } from '../../store/connect.ts';
import { coversInstanceRole, coversSiteRole, isSiteRole, type InstanceRole, type User } from '../actor.ts';
import { refuse, type Refusal } from '../refusal.ts';
import type { GrantedRole } from './client.ts';

const SITE_ROLES_MAX = 100;

export interface WantedRole {
  readonly site_id: string;
  readonly role: string;
}

/** The roles in their final form: of a repeated site the last one. All faults are 403, as in HitKeep. */
export function readSiteRoles(wanted: readonly WantedRole[]): readonly GrantedRole[] | Refusal {
  if (wanted.length > SITE_ROLES_MAX) return refuseRole('too many delegated site roles');
  const roles = new Map<string, SiteRole>();
  for (const { site_id: text, role } of wanted) {
    const siteId = parseUuid(text);
    if (siteId === null) return refuseRole('invalid delegated site role site_id');
    if (!isSiteRole(role)) return refuseRole('invalid delegated site role');
    roles.set(siteId, role);
  }
  return [...roles].map(([siteId, role]) => ({ site_id: siteId, role }));
}

export function checkInstanceRole(user: User, wanted: InstanceRole): Refusal | null {
  return coversInstanceRole(user.instanceRole, wanted)
    ? null
    : refuse('delegation_refused', 'Cannot delegate requested instance role', 'instance_role');
}

/** For a personal client. */
export async function checkPersonalRoles(
  sql: Sql,
  user: User,
  roles: readonly GrantedRole[],
): Promise<Refusal | null> {
  const siteIds = roles.map((role) => role.site_id);
  const held = await sql<{ id: string; role: SiteRole | null }[]>`
    SELECT s.id, u.role FROM sites s
    LEFT JOIN user_site_roles u ON u.site_id = s.id AND u.user_id = ${user.id}
    WHERE s.id = ANY(${siteIds}::uuid[])`;
  const roleOf = new Map(held.map(({ id, role }) => [id, role]));
  for (const { site_id: siteId, role } of roles) {
    const own = user.instanceRole === 'owner' && roleOf.has(siteId) ? 'owner' : (roleOf.get(siteId) ?? null);
    if (own === null) return refuseRole('cannot delegate site role for site without access');
    if (!coversSiteRole(own, role)) return refuseRole('cannot delegate requested site role');
  }
  return null;
}

/** For a team's client. */
export async function checkTeamRoles(
  sql: Sql,
  teamId: string,
  roles: readonly GrantedRole[],
): Promise<Refusal | null> {
  const siteIds = roles.map((role) => role.site_id);
  const [found] = await sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM sites WHERE tenant_id = ${teamId} AND id = ANY(${siteIds}::uuid[])`;
  return found?.count === siteIds.length
    ? null
    : refuseRole('cannot delegate site role outside the selected team');
}

function refuseRole(detail: string): Refusal {
  return refuse('delegation_refused', detail, 'site_roles');
}
