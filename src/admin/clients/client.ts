/** An API client as the database keeps it and as the API shows it. */
import type { SiteRole } from '../../grants/grant.ts';
import type { Limits } from '../../grants/limit.ts';
import type { Sql, Transaction } from '../../store/connect.ts';
import type { InstanceRole, KeyScope } from '../actor.ts';
import type { Page } from '../page.ts';

/** Whose client it is. Everybody else is told that it does not exist. */
export type Owner =
  | { readonly kind: 'personal'; readonly userId: string }
  | { readonly kind: 'team'; readonly teamId: string }
  | { readonly kind: 'organization'; readonly organizationId: string };

export interface GrantedRole {
  readonly site_id: string;
  readonly role: SiteRole;
}

export interface ClientRow {
  readonly id: string;
  readonly user_id: string | null;
  readonly tenant_id: string | null;
  readonly organization_id: string | null;
  readonly scope: KeyScope | null;
  readonly service_account_id: string | null;
  readonly created_by: string | null;
  readonly name: string;
  readonly description: string;
  readonly token_hint: string | null;
  readonly secret_hash: string;
  readonly previous_secret_hash: string | null;
  readonly previous_expires_at: Date | null;
  readonly instance_role: InstanceRole;
  readonly version: number;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** created_at to the microsecond: the place in a list. */
  readonly at: string;
  readonly last_used_at: Date | null;
  readonly last_used_ip: string | null;
  readonly last_used_user_agent: string | null;
  readonly site_roles: readonly GrantedRole[];
  readonly limits: Limits | null;
}

export type ClientState = 'active' | 'revoked' | 'expired';

export interface ClientFilter {
  readonly site_id?: string | undefined;
  readonly state?: ClientState | undefined;
}

/** HitKeep's object, and what HitKeep does not show: hint, last use, the end of an old token's grace. */
export function describeClient(row: ClientRow): object {
  return {
    id: row.id,
    ...(row.user_id === null ? {} : { user_id: row.user_id }),
    ...(row.tenant_id === null ? {} : { tenant_id: row.tenant_id }),
    owner_type: row.user_id === null ? 'team' : 'personal',
    name: row.name,
    description: row.description,
    ...(row.token_hint === null ? {} : { token_hint: row.token_hint }),
    instance_role: row.instance_role,
    ...optionalTime('expires_at', row.expires_at),
    ...optionalTime('last_used_at', row.last_used_at),
    ...(row.last_used_ip === null ? {} : { last_used_ip: row.last_used_ip }),
    ...(row.last_used_user_agent === null ? {} : { last_used_user_agent: row.last_used_user_agent }),
    ...optionalTime('revoked_at', row.revoked_at),
    ...(isInGrace(row) ? optionalTime('previous_token_expires_at', row.previous_expires_at) : {}),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    site_roles: row.site_roles,
    ...(row.limits === null ? {} : { limits: describeLimits(row.limits) }),
  };
}

function describeLimits(limits: Limits): object {
  return {
    requests_per_second: limits.requestsPerSecond,
    records_per_second: limits.recordsPerSecond,
    bytes_per_second: limits.bytesPerSecond,
    burst_seconds: limits.burstSeconds,
  };
}

/** A version of the client: changes whenever it does, and not by its use. */
export function etagOf(row: ClientRow): string {
  return `"${row.version}"`;
}

export function isInactive(row: ClientRow): boolean {
  return row.revoked_at !== null || (row.expires_at !== null && row.expires_at.getTime() <= Date.now());
}

/** The hashes of the tokens that may be in use: what the audit log can be searched by. */
export function tokenHashesOf(row: ClientRow): readonly string[] {
  return row.previous_secret_hash === null ? [row.secret_hash] : [row.secret_hash, row.previous_secret_hash];
}

/** The owner that a row's columns name. */
export function ownerOf(row: Pick<ClientRow, 'user_id' | 'tenant_id' | 'organization_id'>): Owner {
  if (row.organization_id !== null) return { kind: 'organization', organizationId: row.organization_id };
  if (row.tenant_id !== null) return { kind: 'team', teamId: row.tenant_id };
  return { kind: 'personal', userId: row.user_id ?? '' };
}

/** Null when there is none, or none of this owner's. `isLocked`: until the end of the transaction. */
export async function findClient(
  sql: Sql | Transaction,
  owner: Owner,
  id: string,
  isLocked = false,
): Promise<ClientRow | null> {
  const [row] = await sql<ClientRow[]>`
    ${selectClient(sql)} WHERE ${ownedBy(sql, owner)} AND c.id = ${id}
    ${isLocked ? sql`FOR UPDATE OF c` : sql``}`;
  return row ?? null;
}

/** Newest first, and one more than the page holds when there is more. */
export async function listClients(
  sql: Sql,
  owner: Owner,
  filter: ClientFilter,
  page: Page,
): Promise<readonly ClientRow[]> {
  const { site_id: siteId, state } = filter;
  const { cursor } = page;
  return sql<ClientRow[]>`
    ${selectClient(sql)} WHERE ${ownedBy(sql, owner)}
    ${cursor === undefined ? sql`` : sql`AND (c.created_at, c.id) < (${cursor.at}::text::timestamptz, ${cursor.id}::uuid)`}
    ${
      siteId === undefined
        ? sql``
        : sql`AND EXISTS (SELECT FROM api_client_site_roles r WHERE r.api_client_id = c.id AND r.site_id = ${siteId})`
    }
    ${state === undefined ? sql`` : sql`AND ${isInState(sql, state)}`}
    ORDER BY c.created_at DESC, c.id DESC LIMIT ${page.limit + 1}`;
}

function ownedBy(sql: Sql | Transaction, owner: Owner) {
  switch (owner.kind) {
    case 'personal':
      return sql`c.user_id = ${owner.userId} AND c.scope IS NULL`;
    case 'team':
      return sql`c.tenant_id = ${owner.teamId} AND c.scope IS NULL`;
    case 'organization':
      return sql`c.organization_id = ${owner.organizationId}`;
  }
}

function isInState(sql: Sql, state: ClientState) {
  switch (state) {
    case 'active':
      return sql`c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())`;
    case 'revoked':
      return sql`c.revoked_at IS NOT NULL`;
    case 'expired':
      return sql`c.revoked_at IS NULL AND c.expires_at <= now()`;
  }
}

function selectClient(sql: Sql | Transaction) {
  return sql`
    SELECT c.id, c.user_id, c.tenant_id, c.organization_id, c.scope, c.service_account_id, c.created_by, c.name,
           c.description, c.token_hint, c.secret_hash, c.previous_secret_hash, c.previous_expires_at, c.instance_role,
           c.version::float8 AS version, c.expires_at, c.revoked_at, c.created_at, c.updated_at, c.limits,
           to_char(c.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.USOF') AS at,
           u.last_used_at, u.last_used_ip, u.last_used_user_agent,
           coalesce((
             SELECT json_agg(json_build_object('site_id', r.site_id, 'role', r.role) ORDER BY r.site_id)
             FROM api_client_site_roles r WHERE r.api_client_id = c.id
           ), '[]') AS site_roles
    FROM api_clients c LEFT JOIN api_client_use u ON u.api_client_id = c.id`;
}

function isInGrace(row: ClientRow): boolean {
  return row.previous_expires_at !== null && row.previous_expires_at.getTime() > Date.now();
}

function optionalTime(name: string, time: Date | null): object {
  return time === null ? {} : { [name]: time.toISOString() };
}
