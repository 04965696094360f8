/** API clients as the API shows them, whose they are, and in what state. Pure. */
import { managedTeams, type Session, type InstanceRole } from '../base/session.ts';

export type SiteRole = 'owner' | 'admin' | 'editor' | 'viewer';

export const SITE_ROLES: readonly SiteRole[] = ['owner', 'admin', 'editor', 'viewer'];

export interface SiteGrant {
  readonly site_id: string;
  readonly role: SiteRole;
}

export interface Client {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly token_hint?: string;
  readonly instance_role: InstanceRole;
  readonly expires_at?: string;
  readonly last_used_at?: string;
  readonly last_used_ip?: string;
  readonly last_used_user_agent?: string;
  readonly revoked_at?: string;
  readonly previous_token_expires_at?: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly site_roles: readonly SiteGrant[];
}

export interface Site {
  readonly id: string;
  readonly domain: string;
  readonly team_id: string;
  /** Null: seen by an instance role alone. */
  readonly role: SiteRole | null;
}

/** Who has applied a revocation; without its lists nobody could say. */
export interface Receipt {
  readonly sequence: number;
  readonly applied_by?: readonly string[];
  readonly pending?: readonly string[];
  readonly bound_ms: number;
}

/** Whose clients a page is about: one's own, or a team's. */
export interface Owner {
  /** In the page's address: 'mine', or the team's id. */
  readonly place: string;
  readonly name: string;
  readonly teamId: string | null;
  /** Of the list in the API. */
  readonly path: string;
}

export function listOwners(session: Session): readonly Owner[] {
  return [
    { place: 'mine', name: 'Yours', teamId: null, path: '/api/user/api-clients' },
    ...managedTeams(session).map(({ id, name }) => ({
      place: id,
      name,
      teamId: id,
      path: `/api/user/teams/${id}/api-clients`,
    })),
  ];
}

export type ClientState = 'active' | 'revoked' | 'expired';

export function stateOf(client: Client, nowMs = Date.now()): ClientState {
  if (client.revoked_at !== undefined) return 'revoked';
  const { expires_at: expiresAt } = client;
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs ? 'expired' : 'active';
}

/** All that a change must send, since what it leaves out is cleared. */
export function contentOf(client: Client, owner: Owner): object {
  const { name, description, expires_at: expiresAt, site_roles: siteRoles, instance_role: role } = client;
  return {
    name,
    description,
    site_roles: siteRoles,
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    ...(owner.teamId === null ? { instance_role: role } : {}),
  };
}

/** May it write records? */
export function isWriter(grant: SiteGrant): boolean {
  return grant.role === 'owner' || grant.role === 'admin';
}

/** The sites that a client of this owner can have. */
export function grantableSites(sites: readonly Site[], owner: Owner): readonly Site[] {
  return sites.filter((site) => (owner.teamId === null ? site.role !== null : site.team_id === owner.teamId));
}
