/** The bodies and queries that API clients are made and changed with. HitKeep's fields and limits. */
import { z } from 'zod';
import { descriptionSchema, nameSchema, ROLE_ADVICE, timeSchema } from '../body.ts';
import { pageFields } from '../page.ts';

const instanceRole = z.enum(['owner', 'admin', 'user'], { error: ROLE_ADVICE });

/** Their content is judged as delegation, with 403, as HitKeep does. Omitted: none. */
const siteRoles = z
  .array(z.strictObject({ site_id: z.string(), role: z.string() }))
  .nullish()
  .transform((roles) => roles ?? []);

const shared = {
  name: nameSchema,
  description: descriptionSchema,
  expires_at: timeSchema.nullish().transform((time) => time ?? null),
  site_roles: siteRoles,
};

export const personalCreate = z.strictObject({ ...shared, instance_role: instanceRole.default('user') });

/** A full replacement: what is omitted is cleared; only `revoked` stays as it was. */
export const personalUpdate = z.strictObject({
  ...shared,
  instance_role: instanceRole,
  revoked: z.boolean().optional(),
});

/** A team's client is always `user`: what is asked for is ignored. */
const ignoredRole = z
  .string()
  .optional()
  .transform(() => 'user' as const);

export const teamCreate = z.strictObject({ ...shared, instance_role: ignoredRole });

export const teamUpdate = z.strictObject({
  ...shared,
  instance_role: ignoredRole,
  revoked: z.boolean().optional(),
});

const GRACE_SECONDS_MAX = 86_400;

export const rotation = z.strictObject({
  grace_seconds: z.number().int().min(0).max(GRACE_SECONDS_MAX).default(0),
});

export const listQuery = z.strictObject({
  ...pageFields,
  site_id: z.uuid().optional(),
  state: z.enum(['active', 'revoked', 'expired']).optional(),
});

export type ClientCreate = z.infer<typeof personalCreate>;
export type ClientUpdate = z.infer<typeof personalUpdate>;
