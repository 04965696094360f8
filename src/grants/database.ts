/**
 * Third tier: Postgres, the truth. Look-ups are few at a time: a flood of unknown tokens must not take the
 * connections that everybody needs. A look-up that takes too long, or finds no place in the queue, is doubt.
 */
import type { Sql } from '../store/connect.ts';
import type { Grant, SiteRole, SiteVerdict } from './grant.ts';

export type ClientFound =
  | { readonly kind: 'grant'; readonly grant: Grant }
  | { readonly kind: 'unknown' | 'revoked' | 'expired' }
  | { readonly kind: 'doubt'; readonly cause: string };

export interface Database {
  findClient(tokenHash: string): Promise<ClientFound>;
  findSite(domain: string): Promise<SiteVerdict>;
  stats(): { readonly lookups: number };
}

const CONCURRENT_MAX = 8;
const QUEUE_MAX = 1000;
const LOOKUP_TIMEOUT_MS = 2000;

interface ClientRow {
  readonly id: string;
  readonly version: number;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly is_archived: boolean;
  readonly roles: readonly (readonly [string, SiteRole])[];
}

export function createDatabase(sql: Sql): Database {
  let running = 0;
  let lookups = 0;
  const queue: (() => void)[] = [];

  async function look<T>(query: () => PromiseLike<T>): Promise<T> {
    if (running >= CONCURRENT_MAX) {
      if (queue.length >= QUEUE_MAX) throw new Error('too many look-ups are waiting');
      await new Promise<void>((resolve) => queue.push(resolve));
    }
    running++;
    lookups++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${LOOKUP_TIMEOUT_MS} ms`)),
        LOOKUP_TIMEOUT_MS,
      );
    });
    try {
      return await Promise.race([query(), late]);
    } finally {
      clearTimeout(timer);
      running--;
      queue.shift()?.();
    }
  }

  return {
    async findClient(tokenHash) {
      try {
        const rows = await look(() => selectClient(sql, tokenHash));
        return judgeClient(tokenHash, rows[0]);
      } catch (error) {
        return { kind: 'doubt', cause: describe(error) };
      }
    },
    async findSite(domain) {
      try {
        const [site] = await look(
          () => sql<{ id: string }[]>`
            SELECT sites.id FROM sites JOIN tenants ON tenants.id = sites.tenant_id
            WHERE sites.domain = ${domain} AND tenants.archived_at IS NULL`,
        );
        return site === undefined ? { kind: 'unknown' } : { kind: 'site', siteId: site.id };
      } catch (error) {
        return { kind: 'doubt', cause: describe(error) };
      }
    },
    stats: () => ({ lookups }),
  };
}

/** A team's client loads only grants on sites that are the team's now; a personal client loads all of its own. */
function selectClient(sql: Sql, tokenHash: string): PromiseLike<ClientRow[]> {
  return sql<ClientRow[]>`
    SELECT c.id, c.version::int, c.expires_at, c.revoked_at,
           coalesce(t.archived_at IS NOT NULL, false) AS is_archived,
           coalesce((
             SELECT json_agg(json_build_array(r.site_id, r.role))
             FROM api_client_site_roles r JOIN sites s ON s.id = r.site_id
             WHERE r.api_client_id = c.id AND (c.tenant_id IS NULL OR s.tenant_id = c.tenant_id)
           ), '[]') AS roles
    FROM api_clients c LEFT JOIN tenants t ON t.id = c.tenant_id
    WHERE c.secret_hash = ${tokenHash}`;
}

function judgeClient(tokenHash: string, row: ClientRow | undefined): ClientFound {
  if (row === undefined) return { kind: 'unknown' };
  if (row.revoked_at !== null || row.is_archived) return { kind: 'revoked' };
  const expiresAtMs = row.expires_at?.getTime() ?? Infinity;
  if (expiresAtMs <= Date.now()) return { kind: 'expired' };
  return {
    kind: 'grant',
    grant: {
      clientId: row.id,
      tokenHash,
      version: row.version,
      expiresAtMs,
      siteRoles: new Map(row.roles),
      isRevoked: false,
    },
  };
}

/** The library's error carries the parameters, and with them the hash: only its message goes on. */
function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
