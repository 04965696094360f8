/** Who asks for a change, and what that person may do. HitKeep's roles and permissions. Pure. */
import type { SiteRole } from '../grants/grant.ts';

export type InstanceRole = 'owner' | 'admin' | 'user';
export type TeamRole = 'owner' | 'admin' | 'member';
export type KeyScope = 'read' | 'read-write';

/** A signed-in person. */
export interface User {
  readonly kind: 'user';
  readonly id: string;
  readonly email: string;
  readonly instanceRole: InstanceRole;
  readonly sessionId: string;
}

/** An organization key, used as a bearer token. */
export interface Key {
  readonly kind: 'key';
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  readonly scope: KeyScope;
  /** Null when it belongs to a service account. */
  readonly userId: string | null;
  readonly serviceAccountId: string | null;
  /** Null: never. No key that it makes lives longer. */
  readonly expiresAt: Date | null;
}

/** A command, or a party that presents nothing but a token. */
export interface Outsider {
  readonly kind: 'system' | 'anonymous';
  readonly label: string;
}

export type Actor = User | Key | Outsider;

/** Where a change comes from: what the audit log keeps beside the actor. */
export interface Source {
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
}

export interface Author {
  readonly actor: Actor;
  readonly source: Source;
}

const SITE_ROLES: readonly SiteRole[] = ['owner', 'admin', 'editor', 'viewer'];
const INSTANCE_ROLES: readonly InstanceRole[] = ['owner', 'admin', 'user'];
const INSTANCE_PERMISSIONS = {
  manage_users: ['owner'],
  manage_teams: ['owner', 'admin'],
  view_all_sites: ['owner', 'admin'],
  view_audit: ['owner', 'admin'],
  limit_clients: ['owner', 'admin'],
  view_gateways: ['owner', 'admin'],
} as const satisfies Record<string, readonly InstanceRole[]>;

export type InstancePermission = keyof typeof INSTANCE_PERMISSIONS;

export function isInstanceAllowed(role: InstanceRole, permission: InstancePermission): boolean {
  const allowed: readonly InstanceRole[] = INSTANCE_PERMISSIONS[permission];
  return allowed.includes(role);
}

/** team.manage_api_clients, team.manage_members, team.view_audit: owner and admin. */
export function managesTeam(role: TeamRole | null): boolean {
  return role === 'owner' || role === 'admin';
}

/** site.manage_team: owner and admin. */
export function managesSite(role: SiteRole | null): boolean {
  return role === 'owner' || role === 'admin';
}

/** Whether somebody with the role `held` may give away `given`: nobody gives more than they have. */
export function coversSiteRole(held: SiteRole, given: SiteRole): boolean {
  return SITE_ROLES.indexOf(held) <= SITE_ROLES.indexOf(given);
}

export function coversInstanceRole(held: InstanceRole, given: InstanceRole): boolean {
  return INSTANCE_ROLES.indexOf(held) <= INSTANCE_ROLES.indexOf(given);
}

export function coversScope(held: KeyScope, given: KeyScope): boolean {
  return held === 'read-write' || given === 'read';
}

export function isSiteRole(text: string): text is SiteRole {
  return (SITE_ROLES as readonly string[]).includes(text);
}
