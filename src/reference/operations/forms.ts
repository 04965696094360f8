/** Forms that several answers have. Strict: an answer with a field more than its form fails a test. */
import { z } from 'zod';
import { named } from '../operation.ts';

export const id = z.guid();
export const time = z.iso.datetime();
export const count = z.number().int().min(0);
export const instanceRole = z.enum(['owner', 'admin', 'user']);
export const teamRole = z.enum(['owner', 'admin', 'member']);
export const siteRole = z.enum(['owner', 'admin', 'editor', 'viewer']);
export const durability = z.enum(['journal', 'postgres']);

export const user = named(
  'User',
  z.strictObject({ id, email: z.string(), instance_role: instanceRole, created_at: time }),
);

export const receipt = named(
  'Receipt',
  z
    .strictObject({
      sequence: count,
      applied_by: z.array(z.string()).optional(),
      pending: z.array(z.strictObject({ node: z.string(), last_seen_at: time })).optional(),
      bound_ms: count,
    })
    .describe('Which gateways refuse what was revoked. Without the lists: it could not be found out.'),
);

/** Whatever a record, an audit entry or a quarantined row has. */
export const anything = z.record(z.string(), z.unknown());
