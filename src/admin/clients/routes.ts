/**
 * The routes of API clients, once for people's own and once for teams'. The order of checks is HitKeep's: who asks,
 * the ids, whether it is theirs, the body, and last what may be given away.
 */
import type { z } from 'zod';
import type { Route } from '../../http/request.ts';
import type { Sql } from '../../store/connect.ts';
import type { User } from '../actor.ts';
import { readBody, readQuery } from '../body.ts';
import type { MakeChange } from '../change.ts';
import { replyPage } from '../page.ts';
import { isRefusal, notFound, refuse, type Refusal } from '../refusal.ts';
import { replyCreated, replyEmpty, replyJson } from '../reply.ts';
import type { Outcome, RouteMaker, UserCall } from '../route.ts';
import type { Secrets } from '../sign-in/secret.ts';
import { createClient, deleteClient, rotateClient, updateClient } from './change.ts';
import {
  describeClient,
  etagOf,
  findClient,
  isInactive,
  listClients,
  type ClientRow,
  type GrantedRole,
  type Owner,
} from './client.ts';
import { readSiteRoles } from './delegation.ts';
import { listQuery, rotation, type ClientCreate, type ClientUpdate } from './fields.ts';
import type { ReadReceipt } from './receipt.ts';
import { issueToken } from './token.ts';
import { readLedger, readUsage } from './usage.ts';

/** Where clients of one kind of owner live, and what is particular about them. */
export interface Surface {
  /** Of the list; one client is below it. */
  readonly path: string;
  /** Which of the path's parameters is the client's id. */
  readonly idIndex: number;
  readonly createSchema: z.ZodType<ClientCreate>;
  readonly updateSchema: z.ZodType<ClientUpdate>;
  /** Whose clients the path means, when this user may deal with them. */
  findOwner(call: UserCall): Promise<Owner | Refusal>;
  /** Null: the user may give that away. */
  checkDelegation(
    user: User,
    owner: Owner,
    wanted: Pick<ClientCreate, 'instance_role'>,
    roles: readonly GrantedRole[],
  ): Promise<Refusal | null>;
}

export interface ClientDeps {
  readonly sql: Sql;
  readonly make: RouteMaker;
  readonly makeChange: MakeChange;
  readonly readReceipt: ReadReceipt;
  readonly secrets: Secrets;
}

const NOT_FOUND = notFound('API client');
const INACTIVE = refuse('client_inactive', 'API client is revoked or expired');
const OUTDATED = refuse(
  'version_outdated',
  'The client was changed since you read it. Read it again, and send the ETag of what you read as If-Match.',
  'If-Match',
);

export function createClientRoutes(surface: Surface, deps: ClientDeps): readonly Route[] {
  const { sql, make, makeChange, readReceipt, secrets } = deps;
  const one = `${surface.path}/:${surface.idIndex === 0 ? 'id' : 'clientId'}`;

  /** The client of the path, and whose it is. */
  async function find(call: UserCall): Promise<{ owner: Owner; client: ClientRow } | Refusal> {
    const owner = await surface.findOwner(call);
    if (isRefusal(owner)) return owner;
    const id = call.id(surface.idIndex, 'client');
    if (isRefusal(id)) return id;
    const client = await findClient(sql, owner, id);
    return client === null ? NOT_FOUND : { owner, client };
  }

  async function list(call: UserCall): Promise<Outcome> {
    const owner = await surface.findOwner(call);
    if (isRefusal(owner)) return owner;
    const query = readQuery(call.request, listQuery);
    if (isRefusal(query)) return query;
    const rows = await listClients(sql, owner, query, query);
    return replyPage(call.request.path, call.request.query, query, rows, describeClient);
  }

  async function show(call: UserCall): Promise<Outcome> {
    const found = await find(call);
    return isRefusal(found) ? found : replyClient(found.client);
  }

  async function create(call: UserCall): Promise<Outcome> {
    const owner = await surface.findOwner(call);
    if (isRefusal(owner)) return owner;
    const body = readBody(call.request, surface.createSchema);
    if (isRefusal(body)) return body;
    const siteRoles = await judgeRoles(call.user, owner, body);
    if (isRefusal(siteRoles)) return siteRoles;
    const made = await makeChange(call.author, (change) =>
      issueToken(change, secrets, call, owner, (token) =>
        createClient(change, owner, wantedOf(body, siteRoles), token, call.user.id),
      ),
    );
    if (isRefusal(made.value)) return made.value;
    const { client, token } = made.value;
    return replyCreated({ client: describeClient(client), token }, [['ETag', etagOf(client)]]);
  }

  async function update(call: UserCall): Promise<Outcome> {
    const found = await find(call);
    if (isRefusal(found)) return found;
    const { owner } = found;
    const body = readBody(call.request, surface.updateSchema);
    if (isRefusal(body)) return body;
    const siteRoles = await judgeRoles(call.user, owner, body);
    if (isRefusal(siteRoles)) return siteRoles;
    const changed = await makeChange(call.author, async (change) => {
      const before = await findClient(change.tx, owner, found.client.id, true);
      if (before === null) return NOT_FOUND;
      if (isOutdated(call, before)) return OUTDATED;
      const after = await updateClient(change, owner, before, {
        ...wantedOf(body, siteRoles),
        revoked: body.revoked,
      });
      return { after, isEnded: before.revoked_at === null && after.revoked_at !== null };
    });
    if (isRefusal(changed.value)) return changed.value;
    const { after, isEnded } = changed.value;
    return replyClient(after, isEnded ? { receipt: await readReceipt(changed.news) } : {});
  }

  async function rotate(call: UserCall): Promise<Outcome> {
    const found = await find(call);
    if (isRefusal(found)) return found;
    const { owner } = found;
    const body = readBody(call.request, rotation);
    if (isRefusal(body)) return body;
    const rolled = await makeChange(call.author, async (change) => {
      const before = await findClient(change.tx, owner, found.client.id, true);
      if (before === null) return NOT_FOUND;
      if (isInactive(before)) return INACTIVE;
      return issueToken(change, secrets, call, owner, (token) =>
        rotateClient(change, owner, before, token, body.grace_seconds),
      );
    });
    if (isRefusal(rolled.value)) return rolled.value;
    const { client, token } = rolled.value;
    const receipt = await readReceipt(rolled.news);
    return replyJson(
      { client: describeClient(client), token, receipt },
      { headers: [['ETag', etagOf(client)]] },
    );
  }

  async function remove(call: UserCall): Promise<Outcome> {
    const found = await find(call);
    if (isRefusal(found)) return found;
    const removed = await makeChange(call.author, async (change) => {
      const before = await findClient(change.tx, found.owner, found.client.id, true);
      if (before === null) return NOT_FOUND;
      if (isOutdated(call, before)) return OUTDATED;
      await deleteClient(change, before);
      return null;
    });
    if (removed.value !== null) return removed.value;
    const receipt = await readReceipt(removed.news);
    const link = [['Link', `</api/revocations/${receipt.sequence}>; rel="status"`]] as const;
    const wantsBody = /(^|[ ,])return=representation($|[ ,;])/.test(call.request.headers.prefer);
    return wantsBody ? replyJson({ receipt }, { headers: link }) : replyEmpty(link);
  }

  async function usage(call: UserCall): Promise<Outcome> {
    const found = await find(call);
    return isRefusal(found) ? found : replyJson(await readUsage(sql, found.client.id));
  }

  async function ledger(call: UserCall): Promise<Outcome> {
    const found = await find(call);
    return isRefusal(found) ? found : replyJson(await readLedger(sql, found.client.id));
  }

  async function judgeRoles(
    user: User,
    owner: Owner,
    body: ClientCreate,
  ): Promise<readonly GrantedRole[] | Refusal> {
    const roles = readSiteRoles(body.site_roles);
    if (isRefusal(roles)) return roles;
    return (await surface.checkDelegation(user, owner, body, roles)) ?? roles;
  }

  return [
    make.user('GET', surface.path, list),
    make.user('POST', surface.path, create),
    make.user('GET', one, show),
    make.user('PUT', one, update),
    make.user('DELETE', one, remove),
    make.user('POST', `${one}/rotate`, rotate),
    make.user('GET', `${one}/usage`, usage),
    make.user('GET', `${one}/ledger`, ledger),
  ];
}

function wantedOf(body: ClientCreate, siteRoles: readonly GrantedRole[]) {
  const { name, description, instance_role: instanceRole, expires_at: expiresAt } = body;
  return { name, description, instanceRole, expiresAt, siteRoles };
}

function replyClient(client: ClientRow, extra: object = {}): Outcome {
  return replyJson({ ...describeClient(client), ...extra }, { headers: [['ETag', etagOf(client)]] });
}

/** Without If-Match the last one to write wins, as in HitKeep. */
function isOutdated(call: UserCall, client: ClientRow): boolean {
  const wanted = call.request.fields['if-match'] ?? '';
  if (wanted === '' || wanted === '*') return false;
  return !wanted.split(',').some((tag) => tag.trim() === etagOf(client));
}
