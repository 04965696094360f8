/** Which organization a request under /v1 is about, and what it may do there. */
import { hashToken, isPossibleToken, readCredential } from '../../grants/token.ts';
import type { Request } from '../../http/request.ts';
import type { Sql } from '../../store/connect.ts';
import { coversScope, type Key, type KeyScope, type User } from '../actor.ts';
import { ACCESS_DENIED, isRefusal, refuse, type Refusal } from '../refusal.ts';
import { parseUuid } from '../../records/identity.ts';
import type { KeyCall } from '../route.ts';

export interface Reach {
  readonly organizationId: string;
  /** What may be given away, and ended, there. */
  readonly scope: KeyScope;
}

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly organization_id: string | null;
  readonly scope: KeyScope | null;
  readonly user_id: string | null;
  readonly service_account_id: string | null;
  readonly expires_at: Date | null;
}

/** The organization key of a request; a good token that is none is refused; null: no good token. */
export function createKeyFinder(sql: Sql) {
  return async (request: Request): Promise<Key | Refusal | null> => {
    const token = readCredential(request.headers.authorization, request.headers.apiKey);
    if (token === null || !isPossibleToken(token)) return null;
    const tokenHash = hashToken(token);
    const [row] = await sql<KeyRow[]>`
      SELECT c.id, c.name, c.organization_id, c.scope, c.user_id, c.service_account_id, c.expires_at
      FROM api_clients c
      LEFT JOIN tenants t ON t.id = coalesce(c.organization_id, c.tenant_id)
      WHERE (c.secret_hash = ${tokenHash}
             OR c.previous_secret_hash = ${tokenHash} AND c.previous_expires_at > now())
        AND c.revoked_at IS NULL AND t.archived_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
        AND (c.scope IS NULL OR c.user_id IS NULL OR EXISTS (
          SELECT FROM tenant_members m
          WHERE m.tenant_id = c.organization_id AND m.user_id = c.user_id AND m.role IN ('owner', 'admin')))`;
    if (row === undefined) return null;
    if (row.organization_id === null || row.scope === null)
      return refuse('access_denied', 'Access denied: this token is no organization key.');
    const { id, name, organization_id: organizationId, scope } = row;
    return {
      kind: 'key',
      id,
      name,
      organizationId,
      scope,
      userId: row.user_id,
      serviceAccountId: row.service_account_id,
      expiresAt: row.expires_at,
    };
  };
}

/** A key is of one organization; a person names it with ?organizationId=, unless they manage only one. */
export async function findReach(sql: Sql, call: KeyCall): Promise<Reach | Refusal> {
  const { actor } = call;
  const wanted = new URLSearchParams(call.request.query).get('organizationId');
  if (actor.kind === 'user') return findManaged(sql, actor, wanted);
  if (wanted !== null && parseUuid(wanted) !== actor.organizationId) return ACCESS_DENIED;
  return { organizationId: actor.organizationId, scope: actor.scope };
}

/** The same, where something of `scope` is given away or ended. */
export async function findReachFor(sql: Sql, call: KeyCall, scope: KeyScope): Promise<Reach | Refusal> {
  const reach = await findReach(sql, call);
  return isRefusal(reach) || coversScope(reach.scope, scope) ? reach : ACCESS_DENIED;
}

async function findManaged(sql: Sql, user: User, wanted: string | null): Promise<Reach | Refusal> {
  const teams = await sql<{ id: string }[]>`
    SELECT t.id FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id
    WHERE m.user_id = ${user.id} AND m.role IN ('owner', 'admin') AND t.archived_at IS NULL`;
  const named = wanted === null ? null : parseUuid(wanted);
  if (wanted !== null && named === null)
    return refuse('field_invalid', 'organizationId must be a UUID', 'organizationId');
  if (wanted === null && teams.length > 1)
    return refuse(
      'field_required',
      'You manage several organizations: say which with ?organizationId=',
      'organizationId',
    );
  const team = named === null ? teams[0] : teams.find(({ id }) => id === named);
  return team === undefined ? ACCESS_DENIED : { organizationId: team.id, scope: 'read-write' };
}
