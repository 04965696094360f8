/** API clients: people's own, and teams'. */
import { z } from 'zod';
import {
  listQuery,
  personalCreate,
  personalUpdate,
  rotation,
  teamCreate,
  teamUpdate,
} from '../../admin/clients/fields.ts';
import { limitsSchema } from '../../admin/limits/routes.ts';
import { named, operationsOf, type Operations } from '../operation.ts';
import { count, id, instanceRole, receipt, siteRole, time } from './forms.ts';

const rate = count.nullable();
const clientFields = {
  id,
  user_id: id.optional(),
  tenant_id: id.optional(),
  owner_type: z.enum(['personal', 'team']),
  name: z.string(),
  description: z.string(),
  token_hint: z.string().optional(),
  instance_role: instanceRole,
  expires_at: time.optional(),
  last_used_at: time.optional(),
  last_used_ip: z.string().optional(),
  last_used_user_agent: z.string().optional(),
  revoked_at: time.optional(),
  previous_token_expires_at: time.optional(),
  created_at: time,
  updated_at: time,
  site_roles: z.array(z.strictObject({ site_id: id, role: siteRole })),
  limits: z
    .strictObject({
      requests_per_second: rate,
      records_per_second: rate,
      bytes_per_second: rate,
      burst_seconds: count,
    })
    .optional(),
};
const client = named('Client', z.strictObject(clientFields));
const changedClient = named(
  'ChangedClient',
  z.strictObject({ ...clientFields, receipt: receipt.optional() }),
);
const token = z.string().describe('Shown once.');
const counts = { accepted: count, rejected: count, duplicate: count };
const usage = named(
  'Usage',
  z.strictObject({ ...counts, hours: z.array(z.strictObject({ hour: time, ...counts })) }),
);
const account = {
  received: count,
  stored: count,
  duplicate: count,
  quarantined: count,
  rejected: count,
  skipped: count,
  waiting: count,
};
const ledger = named(
  'Ledger',
  z.strictObject({
    ...account,
    balanced: z.boolean().describe('received is the sum of the others, on every gateway.'),
    nodes: z.array(z.strictObject({ ...account, node: id, name: z.string(), as_of: time })),
  }),
);

function surface(
  tag: string,
  path: string,
  one: string,
  bodies: { readonly create: z.ZodType; readonly update: z.ZodType },
): Operations {
  const declare = operationsOf(tag, 'session');
  return {
    [`GET ${path}`]: declare('List clients, newest first', {
      query: listQuery,
      replies: { 200: z.array(client) },
    }),
    [`POST ${path}`]: declare('Make a client, and get its token', {
      body: bodies.create,
      headers: ['Idempotency-Key'],
      replies: { 201: z.strictObject({ client, token }) },
    }),
    [`GET ${one}`]: declare('Show a client', { replies: { 200: client } }),
    [`PUT ${one}`]: declare('Replace what a client has; what is left out is cleared', {
      body: bodies.update,
      headers: ['If-Match'],
      replies: { 200: changedClient },
    }),
    [`DELETE ${one}`]: declare('Delete a client; its token ends', {
      headers: ['If-Match', 'Prefer'],
      replies: { 200: z.strictObject({ receipt }), 204: null },
    }),
    [`POST ${one}/rotate`]: declare('Roll a client: a new token, and an end for the old one', {
      body: rotation,
      headers: ['Idempotency-Key'],
      replies: { 200: z.strictObject({ client, token, receipt }) },
    }),
    [`GET ${one}/usage`]: declare('Show what became of its records in the last 24 hours', {
      replies: { 200: usage },
    }),
    [`GET ${one}/ledger`]: declare('Show what became of every record it has sent', {
      replies: { 200: ledger },
    }),
  };
}

export const clientOperations: Operations = {
  ...surface('Own clients', '/api/user/api-clients', '/api/user/api-clients/:id', {
    create: personalCreate,
    update: personalUpdate,
  }),
  ...surface(
    'Clients of a team',
    '/api/user/teams/:id/api-clients',
    '/api/user/teams/:id/api-clients/:clientId',
    {
      create: teamCreate,
      update: teamUpdate,
    },
  ),
  'PUT /api/api-clients/:id/limits': operationsOf('Instance', 'session')('Limit what a client may send', {
    body: limitsSchema,
    replies: { 200: client },
  }),
};
