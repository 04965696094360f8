/** Which site a path means, and what the user is there. Unknown and others' sites are the same 404. */
import type { SiteRole } from '../../grants/grant.ts';
import type { Sql, Transaction } from '../../store/connect.ts';
import { isInstanceAllowed, type User } from '../actor.ts';
import { ACCESS_DENIED, isRefusal, notFound, type Refusal } from '../refusal.ts';
import type { UserCall } from '../route.ts';
import type { Site } from './site.ts';

export interface SeenSite extends Site {
  /** Null: seen by an instance permission alone. */
  readonly role: SiteRole | null;
}

const NOT_FOUND = notFound('Site');

/** All that the user may see: those with a role, or, with instance.view_all_sites, all. */
export async function listSeenSites(sql: Sql, user: User): Promise<readonly SeenSite[]> {
  const seesAll = isInstanceAllowed(user.instanceRole, 'view_all_sites');
  return sql<SeenSite[]>`
    SELECT s.id, s.domain, s.tenant_id AS "tenantId", s.created_at AS "createdAt", ${ownRole(sql, user)}
    FROM sites s JOIN tenants t ON t.id = s.tenant_id AND t.archived_at IS NULL
    LEFT JOIN user_site_roles u ON u.site_id = s.id AND u.user_id = ${user.id}
    WHERE u.role IS NOT NULL OR ${seesAll} ORDER BY s.domain`;
}

export async function findSeenSite(sql: Sql | Transaction, call: UserCall): Promise<SeenSite | Refusal> {
  const id = call.id(0, 'site');
  if (isRefusal(id)) return id;
  const { user } = call;
  const seesAll = isInstanceAllowed(user.instanceRole, 'view_all_sites');
  const [site] = await sql<SeenSite[]>`
    SELECT s.id, s.domain, s.tenant_id AS "tenantId", s.created_at AS "createdAt", ${ownRole(sql, user)}
    FROM sites s JOIN tenants t ON t.id = s.tenant_id AND t.archived_at IS NULL
    LEFT JOIN user_site_roles u ON u.site_id = s.id AND u.user_id = ${user.id}
    WHERE s.id = ${id} AND (u.role IS NOT NULL OR ${seesAll})`;
  return site ?? NOT_FOUND;
}

/** The site, when `isEnough` holds for the user's role there. */
export async function findOwnSite(
  sql: Sql | Transaction,
  call: UserCall,
  isEnough: (role: SiteRole | null) => boolean,
): Promise<SeenSite | Refusal> {
  const site = await findSeenSite(sql, call);
  return isRefusal(site) || isEnough(site.role) ? site : ACCESS_DENIED;
}

/** An instance owner has all site permissions. */
function ownRole(sql: Sql | Transaction, user: User) {
  return user.instanceRole === 'owner' ? sql`'owner' AS role` : sql`u.role`;
}
