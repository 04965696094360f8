/**
 * Organization API keys: a second surface over the same clients. A key has one scope on all sites that its
 * organization has or will have, belongs to a user or to a service account, and makes no key that may do more.
 */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import type { Sql } from '../../store/connect.ts';
import type { Key, User } from '../actor.ts';
import { descriptionSchema, nameSchema, readBody, readQuery, timeSchema } from '../body.ts';
import { createClient, revokeClient } from '../clients/change.ts';
import { findClient, listClients, type ClientRow } from '../clients/client.ts';
import type { ClientDeps } from '../clients/routes.ts';
import { issueToken } from '../clients/token.ts';
import { pageFields, replyPage } from '../page.ts';
import { ACCESS_DENIED, isRefusal, notFound, refuse, type Refusal } from '../refusal.ts';
import { replyJson } from '../reply.ts';
import type { KeyCall, Outcome } from '../route.ts';
import { coversScope } from '../actor.ts';
import { findReach, findReachFor, type Reach } from './access.ts';
import { envelop } from './envelope.ts';

const LIST = '/v1/api-keys';
const ONE = '/v1/api-keys/:id';
export const creation = z.strictObject({
  name: nameSchema,
  description: descriptionSchema,
  expiresAt: timeSchema.nullish().transform((time) => time ?? null),
  scope: z.enum(['read', 'read-write']).default('read'),
  serviceAccountId: z.uuid().nullish(),
});
export const query = z.object(pageFields);
const NOT_FOUND = notFound('API key');
const NO_ACCOUNT = notFound('Service account');

export function createApiKeyRoutes(deps: ClientDeps): readonly Route[] {
  const { sql, make, makeChange, readReceipt, secrets } = deps;

  async function find(call: KeyCall): Promise<{ reach: Reach; key: ClientRow } | Refusal> {
    const reach = await findReach(sql, call);
    if (isRefusal(reach)) return reach;
    const id = call.id(0, 'API key');
    if (isRefusal(id)) return id;
    const key = await findClient(sql, ownerOf(reach), id);
    return key === null ? NOT_FOUND : { reach, key };
  }

  async function list(call: KeyCall): Promise<Outcome> {
    const reach = await findReach(sql, call);
    if (isRefusal(reach)) return reach;
    const page = readQuery(call.request, query);
    if (isRefusal(page)) return page;
    const rows = await listClients(sql, ownerOf(reach), {}, page);
    return replyPage(call.request.path, call.request.query, page, rows, describeKey);
  }

  async function show(call: KeyCall): Promise<Outcome> {
    const found = await find(call);
    return isRefusal(found) ? found : replyJson(describeKey(found.key));
  }

  async function create(call: KeyCall): Promise<Outcome> {
    const body = readBody(call.request, creation);
    const reach = await findReachFor(sql, call, isRefusal(body) ? 'read' : body.scope);
    if (isRefusal(reach)) return reach;
    if (isRefusal(body)) return body;
    const holder = await findHolder(sql, reach, call.actor, body.serviceAccountId ?? null);
    if (isRefusal(holder)) return holder;
    if (!actsFor(call.actor, holder)) return ACCESS_DENIED;
    const owner = ownerOf(reach);
    const { name, description, scope } = body;
    const expiresAt = capExpiry(call.actor, body.expiresAt);
    if (isRefusal(expiresAt)) return expiresAt;
    const wanted = { name, description, instanceRole: 'user', expiresAt, siteRoles: [] } as const;
    const createdBy = call.actor.kind === 'user' ? call.actor.id : call.actor.userId;
    const made = await makeChange(call.author, (change) =>
      issueToken(change, secrets, call, owner, (token) =>
        createClient(change, owner, wanted, token, createdBy, { ...holder, scope }),
      ),
    );
    if (isRefusal(made.value)) return made.value;
    const { client, token } = made.value;
    return replyJson({ ...describeKey(client), key: token });
  }

  /** Ends the key; its row stays, with the time of its end. */
  async function end(call: KeyCall): Promise<Outcome> {
    const found = await find(call);
    if (isRefusal(found)) return found;
    const { reach, key } = found;
    if (key.scope === null || !coversScope(reach.scope, key.scope)) return ACCESS_DENIED;
    const holder = { userId: key.user_id, serviceAccountId: key.service_account_id };
    if (!actsFor(call.actor, holder)) return ACCESS_DENIED;
    const ended = await makeChange(call.author, async (change) => {
      const before = await findClient(change.tx, ownerOf(reach), key.id, true);
      return before === null ? NOT_FOUND : revokeClient(change, ownerOf(reach), before);
    });
    if (isRefusal(ended.value)) return ended.value;
    return replyJson({ ...describeKey(ended.value), receipt: await readReceipt(ended.news) });
  }

  return [
    make.key('POST', LIST, create, envelop),
    make.key('GET', LIST, list, envelop),
    make.key('GET', ONE, show, envelop),
    make.key('DELETE', ONE, end, envelop),
  ];
}

function ownerOf(reach: Reach) {
  return { kind: 'organization', organizationId: reach.organizationId } as const;
}

interface Holder {
  readonly userId: string | null;
  readonly serviceAccountId: string | null;
}

/** A key that may only read acts for whom it belongs to, and for nobody else. */
function actsFor(actor: User | Key, holder: Holder): boolean {
  if (actor.kind === 'user' || actor.scope === 'read-write') return true;
  return actor.userId === holder.userId && actor.serviceAccountId === holder.serviceAccountId;
}

/** A key makes no key that outlives it; where nothing is said, both end together. */
function capExpiry(actor: User | Key, wanted: Date | null): Date | null | Refusal {
  if (actor.kind === 'user' || actor.expiresAt === null) return wanted;
  if (wanted !== null && wanted > actor.expiresAt)
    return refuse('delegation_refused', `This key ends at ${actor.expiresAt.toISOString()}`, 'expiresAt');
  return wanted ?? actor.expiresAt;
}

/** Whom a new key belongs to: the service account named; else the person; else the account of the key that asks. */
async function findHolder(
  sql: Sql,
  reach: Reach,
  actor: User | Key,
  wanted: string | null,
): Promise<Holder | Refusal> {
  if (wanted === null) {
    return actor.kind === 'user'
      ? { userId: actor.id, serviceAccountId: null }
      : { userId: actor.userId, serviceAccountId: actor.serviceAccountId };
  }
  const [account] = await sql<{ id: string }[]>`
    SELECT id FROM service_accounts WHERE id = ${wanted} AND tenant_id = ${reach.organizationId}`;
  return account === undefined ? NO_ACCOUNT : { userId: null, serviceAccountId: account.id };
}

function describeKey(row: ClientRow): object {
  const time = (value: Date | null): string | null => value?.toISOString() ?? null;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    keyPrefix: row.token_hint,
    scope: row.scope,
    organizationId: row.organization_id,
    userId: row.user_id,
    serviceAccountId: row.service_account_id,
    createdBy: row.created_by,
    createdAt: time(row.created_at),
    expiresAt: time(row.expires_at),
    lastUsedAt: time(row.last_used_at),
    lastUsedIp: row.last_used_ip,
    lastUsedUserAgent: row.last_used_user_agent,
    revokedAt: time(row.revoked_at),
  };
}
