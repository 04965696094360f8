/** What the API reference says of a route: what comes in, by the schema that reads it, and what goes out. */
import { z } from 'zod';

/** Whose word a request needs: a signed-in person's; theirs or an organization key's; a client's token; nobody's. */
export type Access = 'session' | 'session or key' | 'token' | 'none';

export interface Operation {
  /** A few words, without a stop. */
  readonly summary: string;
  /** What it belongs to. */
  readonly tag: string;
  readonly access: Access;
  readonly query?: z.ZodType;
  readonly body?: Content;
  readonly headers?: readonly HeaderName[];
  /** Good answers, by status. */
  readonly replies: Readonly<Record<number, Content | null>>;
  /** Every other answer. Not set: a problem, or, under /v1, an envelope without data. */
  readonly refusal?: z.ZodType;
}

/** By media type. A schema of zod is JSON's; other contents are only named. */
export type Content = z.ZodType | Readonly<Record<string, z.ZodType | null>>;

/** By the route: 'POST /api/sites/:id/members'. */
export type Operations = Readonly<Record<string, Operation>>;

export const headers = {
  'Idempotency-Key':
    'Up to 255 printable characters. Sent again with the same key, the request has the same result.',
  Prefer: 'What is preferred: `durability=journal` or `durability=postgres`; `return=representation`.',
  'If-Match': 'The ETag of what was read: 412 when it has been changed since.',
} as const;

export type HeaderName = keyof typeof headers;

type Form = Omit<Operation, 'summary' | 'tag' | 'access'>;
export type Declare = (summary: string, form: Form) => Operation;

/** For the operations of one thing that have the same access. */
export function operationsOf(tag: string, access: Access): Declare {
  return (summary, form) => ({ summary, tag, access, ...form });
}

/** Names of schemas that many operations have in common. */
export const names = z.registry<{ id: string }>();

export function named<T extends z.ZodType>(id: string, schema: T): T {
  names.add(schema, { id });
  return schema;
}
