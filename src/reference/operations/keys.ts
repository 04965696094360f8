/** Organization keys and service accounts, under /v1: every answer in an envelope. */
import { z } from 'zod';
import { creation as keyCreation, query } from '../../admin/keys/api-keys.ts';
import { creation as accountCreation } from '../../admin/keys/service-accounts.ts';
import { named, operationsOf, type Operations } from '../operation.ts';
import { id, receipt, time } from './forms.ts';

const organization = z.object({
  organizationId: id.optional().describe('Needed by people who manage several.'),
});
const keyFields = {
  id,
  name: z.string(),
  description: z.string(),
  keyPrefix: z.string().nullable(),
  scope: z.enum(['read', 'read-write']).nullable(),
  organizationId: id.nullable(),
  userId: id.nullable(),
  serviceAccountId: id.nullable(),
  createdBy: id.nullable(),
  createdAt: time,
  expiresAt: time.nullable(),
  lastUsedAt: time.nullable(),
  lastUsedIp: z.string().nullable(),
  lastUsedUserAgent: z.string().nullable(),
  revokedAt: time.nullable(),
};
const key = named('Key', z.strictObject(keyFields));
const account = named(
  'ServiceAccount',
  z.strictObject({
    id,
    name: z.string(),
    description: z.string(),
    organizationId: id,
    createdBy: id.nullable(),
    createdAt: time,
  }),
);

function envelope(data: z.ZodType) {
  return z.strictObject({ code: z.number().int(), message: z.string(), requestId: z.string(), data });
}

/** What every refusal under /v1 is. */
export const envelopedRefusal = named('EnvelopedRefusal', envelope(z.null()));

const ofKeys = operationsOf('Organization keys', 'session or key');
const ofAccounts = operationsOf('Service accounts', 'session or key');

export const keyOperations: Operations = {
  'POST /v1/api-keys': ofKeys('Make a key', {
    query: organization,
    body: keyCreation,
    headers: ['Idempotency-Key'],
    replies: {
      200: envelope(z.strictObject({ ...keyFields, key: z.string().describe('Shown once.') })),
    },
  }),
  'GET /v1/api-keys': ofKeys('List keys', {
    query: query.extend(organization.shape),
    replies: { 200: envelope(z.array(key)) },
  }),
  'GET /v1/api-keys/:id': ofKeys('Show a key', { query: organization, replies: { 200: envelope(key) } }),
  'DELETE /v1/api-keys/:id': ofKeys('End a key', {
    query: organization,
    replies: { 200: envelope(z.strictObject({ ...keyFields, receipt })) },
  }),
  'GET /v1/service-accounts': ofAccounts('List service accounts', {
    query: organization,
    replies: { 200: envelope(z.array(account)) },
  }),
  'POST /v1/service-accounts': ofAccounts('Make a service account', {
    query: organization,
    body: accountCreation,
    replies: { 200: envelope(account) },
  }),
  'DELETE /v1/service-accounts/:id': ofAccounts('Delete a service account and its keys', {
    query: organization,
    replies: { 200: envelope(account) },
  }),
};
