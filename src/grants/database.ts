/**
 * Third tier: Postgres, the truth. Keys that nobody knows go through a gate of their own: a flood of unknown tokens
 * takes neither the connections that everybody needs, nor the places of known clients. What a gate turns away, or
 * Postgres does not answer in time, is doubt.
 */
import type { Sql } from '../store/connect.ts';
import { createGate } from './lookup/gate.ts';
import { createMeter, type Limits } from './limit.ts';
import { readRoles, type Grant, type RoleEntry, type SiteRole, type SiteVerdict } from './grant.ts';

export type ClientFound =
  | { readonly kind: 'grant'; readonly grant: Grant }
  | { readonly kind: 'unknown' | 'revoked' | 'expired' }
  | { readonly kind: 'doubt'; readonly cause: string };

export interface Database {
  /** `isKnown`: it was good a moment ago, and is only to be confirmed. */
  findClient(tokenHash: string, isKnown: boolean): Promise<ClientFound>;
  findSite(domain: string, isKnown: boolean): Promise<SiteVerdict>;
  stats(): { readonly clientLookups: number; readonly siteLookups: number };
}

export function createDatabase(sql: Sql, wallNow: () => number): Database {
  const knownKeys = createGate();
  const unknownKeys = createGate();
  let clientLookups = 0;
  let siteLookups = 0;

  return {
    async findClient(tokenHash, isKnown) {
      try {
        const rows = await (isKnown ? knownKeys : unknownKeys)(() => {
          clientLookups++;
          return selectClient(sql, tokenHash);
        });
        return judgeClient(tokenHash, answerTo(tokenHash, rows), wallNow());
      } catch (error) {
        return { kind: 'doubt', cause: nameCause(error) };
      }
    },
    async findSite(domain, isKnown) {
      try {
        const rows = await (isKnown ? knownKeys : unknownKeys)(() => {
          siteLookups++;
          return selectSite(sql, domain);
        });
        const { id } = answerTo(domain, rows);
        return id === null ? { kind: 'unknown' } : { kind: 'site', siteId: id };
      } catch (error) {
        return { kind: 'doubt', cause: nameCause(error) };
      }
    },
    stats: () => ({ clientLookups, siteLookups }),
  };
}

/** The error of the driver carries parameters, and with them the hash: only its message goes on. */
export function nameCause(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A row that names its question. It is there, with nothing else in it, where nothing was found. */
interface Answer {
  readonly asked: string;
}

/**
 * The answer, if it is this question's. Throws otherwise: with no row, or another question's, as when a connection's
 * questions and answers have come apart, nobody has looked. So neither is taken for 'unknown', nor for somebody's grant.
 */
function answerTo<T extends Answer>(question: string, rows: readonly T[]): T {
  const [row] = rows;
  if (row?.asked !== question) throw new Error('Postgres has not answered what it was asked');
  return row;
}

interface SiteRow extends Answer {
  readonly id: string | null;
}

function selectSite(sql: Sql, domain: string): PromiseLike<SiteRow[]> {
  return sql<SiteRow[]>`
    SELECT asked, found.id
    FROM (SELECT ${domain}::text AS asked) AS question
    LEFT JOIN (SELECT sites.id, sites.domain FROM sites JOIN tenants ON tenants.id = sites.tenant_id
               WHERE tenants.archived_at IS NULL) AS found ON found.domain = asked`;
}

interface ClientRow extends Answer {
  /** Null when there is no client with this hash. */
  readonly id: string | null;
  readonly version: number;
  /** Infinity for a client that does not expire. */
  readonly expires_at_ms: number;
  readonly is_revoked: boolean;
  readonly roles: readonly RoleEntry[] | null;
  readonly limits: Limits | null;
}

/**
 * A team's client loads only grants on sites that are the team's now; a personal client loads all of its own, with
 * what its user may do there now; an organization key has one role on all sites of its organization. A user's
 * organization key is worth nothing once the user is neither owner nor admin there. After a roll with grace the old
 * token is found by its own hash, and expires by its own time.
 */
function selectClient(sql: Sql, tokenHash: string): PromiseLike<ClientRow[]> {
  return sql<ClientRow[]>`
    SELECT asked, c.id, c.version::float8 AS version, c.limits,
           coalesce(extract(epoch FROM least(
             c.expires_at, CASE WHEN c.previous_secret_hash = asked THEN c.previous_expires_at END
           )) * 1000, 'Infinity')::float8 AS expires_at_ms,
           (c.revoked_at IS NOT NULL OR t.archived_at IS NOT NULL OR o.archived_at IS NOT NULL
             OR (c.scope IS NOT NULL AND c.user_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM tenant_members m
               WHERE m.tenant_id = o.id AND m.user_id = c.user_id AND m.role IN ('owner', 'admin')))) AS is_revoked,
           CASE WHEN c.scope IS NULL THEN (
             SELECT json_agg(json_build_array(r.site_id, r.role, CASE
               WHEN c.user_id IS NULL THEN r.role
               WHEN array_position(${ROLE_ORDER}::text[], u.role) > array_position(${ROLE_ORDER}::text[], r.role) THEN u.role
               WHEN u.role IS NOT NULL THEN r.role
             END))
             FROM api_client_site_roles r
             JOIN sites s ON s.id = r.site_id
             JOIN tenants st ON st.id = s.tenant_id AND st.archived_at IS NULL
             LEFT JOIN user_site_roles u ON u.site_id = r.site_id AND u.user_id = c.user_id
             WHERE r.api_client_id = c.id AND (c.tenant_id IS NULL OR s.tenant_id = c.tenant_id)
           ) ELSE (
             SELECT json_agg(json_build_array(s.id, k.role, k.role))
             FROM sites s, (SELECT CASE c.scope WHEN 'read-write' THEN 'admin' ELSE 'viewer' END AS role) AS k
             WHERE s.tenant_id = c.organization_id
           ) END AS roles
    FROM (SELECT ${tokenHash}::text AS asked) AS question
    LEFT JOIN api_clients c ON c.secret_hash = asked OR c.previous_secret_hash = asked
    LEFT JOIN tenants t ON t.id = c.tenant_id
    LEFT JOIN tenants o ON o.id = c.organization_id`;
}

/** The strongest first. */
const ROLE_ORDER: readonly SiteRole[] = ['owner', 'admin', 'editor', 'viewer'];

function judgeClient(tokenHash: string, row: ClientRow, wallNowMs: number): ClientFound {
  if (row.id === null) return { kind: 'unknown' };
  if (row.is_revoked) return { kind: 'revoked' };
  if (row.expires_at_ms <= wallNowMs) return { kind: 'expired' };
  const { id, version, expires_at_ms: expiresAtMs, roles, limits } = row;
  const grant: Grant = {
    clientId: id,
    tokenHash,
    version,
    expiresAtMs,
    ...readRoles(roles ?? []),
    limits,
    meter: createMeter(),
    isVoid: false,
  };
  return { kind: 'grant', grant };
}
