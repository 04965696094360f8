/** Service accounts: owners of organization keys that are nobody in particular. Deleted, they take their keys along. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import { descriptionSchema, nameSchema, readBody } from '../body.ts';
import { deleteClient } from '../clients/change.ts';
import { findClient } from '../clients/client.ts';
import { isRefusal, notFound, type Refusal } from '../refusal.ts';
import { replyJson } from '../reply.ts';
import type { KeyCall, Outcome } from '../route.ts';
import type { TeamDeps } from '../teams/routes.ts';
import { findReach, findReachFor } from './access.ts';
import { envelop } from './envelope.ts';

const LIST = '/v1/service-accounts';
const ONE = '/v1/service-accounts/:id';
export const creation = z.strictObject({ name: nameSchema, description: descriptionSchema });
const NOT_FOUND = notFound('Service account');

interface Account {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tenant_id: string;
  readonly created_by: string | null;
  readonly created_at: Date;
}

export function createServiceAccountRoutes({ sql, make, makeChange }: TeamDeps): readonly Route[] {
  async function list(call: KeyCall): Promise<Outcome> {
    const reach = await findReach(sql, call);
    if (isRefusal(reach)) return reach;
    const accounts = await sql<Account[]>`
      SELECT * FROM service_accounts WHERE tenant_id = ${reach.organizationId} ORDER BY created_at DESC, id DESC`;
    return replyJson(accounts.map((account) => describeAccount(account)));
  }

  async function create(call: KeyCall): Promise<Outcome> {
    const reach = await findReachFor(sql, call, 'read-write');
    if (isRefusal(reach)) return reach;
    const body = readBody(call.request, creation);
    if (isRefusal(body)) return body;
    const createdBy = call.actor.kind === 'user' ? call.actor.id : call.actor.userId;
    const made = await makeChange(call.author, async (change) => {
      const accounts = await change.tx<Account[]>`
        INSERT INTO service_accounts (id, tenant_id, name, description, created_by)
        VALUES (${randomUUID()}, ${reach.organizationId}, ${body.name}, ${body.description}, ${createdBy})
        RETURNING *`;
      const described = accounts.map((account) => describeAccount(account));
      change.audit({
        action: 'service_account.created',
        teamId: reach.organizationId,
        targetType: 'service_account',
        targetId: accounts[0]?.id ?? null,
        targetLabel: body.name,
        after: described[0] ?? null,
      });
      return described[0];
    });
    return replyJson(made.value);
  }

  async function remove(call: KeyCall): Promise<Outcome> {
    const reach = await findReachFor(sql, call, 'read-write');
    if (isRefusal(reach)) return reach;
    const id = call.id(0, 'service account');
    if (isRefusal(id)) return id;
    const { organizationId } = reach;
    const removed = await makeChange(call.author, async (change): Promise<Account | Refusal> => {
      const [account] = await change.tx<Account[]>`
        SELECT * FROM service_accounts WHERE id = ${id} AND tenant_id = ${organizationId} FOR UPDATE`;
      if (account === undefined) return NOT_FOUND;
      const keys = await change.tx<{ id: string }[]>`
        SELECT id FROM api_clients WHERE service_account_id = ${id}`;
      for (const key of keys) {
        const row = await findClient(change.tx, { kind: 'organization', organizationId }, key.id, true);
        if (row !== null) await deleteClient(change, row);
      }
      await change.tx`DELETE FROM service_accounts WHERE id = ${id}`;
      change.audit({
        action: 'service_account.deleted',
        teamId: organizationId,
        targetType: 'service_account',
        targetId: id,
        targetLabel: account.name,
        before: describeAccount(account),
      });
      return account;
    });
    return isRefusal(removed.value) ? removed.value : replyJson(describeAccount(removed.value));
  }

  return [
    make.key('GET', LIST, list, envelop),
    make.key('POST', LIST, create, envelop),
    make.key('DELETE', ONE, remove, envelop),
  ];
}

function describeAccount(account: Account): object {
  return {
    id: account.id,
    name: account.name,
    description: account.description,
    organizationId: account.tenant_id,
    createdBy: account.created_by,
    createdAt: account.created_at.toISOString(),
  };
}
