/** Bodies and query strings of the administration, read by schema; what does not fit is a refusal naming the field. */
import { z } from 'zod';
import type { Request } from '../http/request.ts';
import { isFault, readPayload } from '../records/payload.ts';
import { parseTimestampUs } from '../records/time.ts';
import { refuse, type Refusal } from './refusal.ts';

export const BODY_BYTES_MAX = 1024 * 1024;

/** An empty body counts as an empty object. */
export function readBody<T>(request: Request, schema: z.ZodType<T>): T | Refusal {
  if (request.body === null)
    return refuse('body_too_large', `The body is larger than ${BODY_BYTES_MAX} bytes.`);
  const encoding = request.headers.contentEncoding.toLowerCase();
  if (encoding !== '' && encoding !== 'identity')
    return refuse('content_encoding_unsupported', 'Send the body as it is, without Content-Encoding.');
  if (request.body.length === 0) return readFields({}, schema);
  const payload = readPayload(request.body);
  if (isFault(payload)) return refuse(payload.code, `Invalid JSON payload: ${payload.detail}`);
  return readFields(payload.fields, schema);
}

export function readQuery<T>(request: Request, schema: z.ZodType<T>): T | Refusal {
  const fields = Object.fromEntries(new URLSearchParams(request.query));
  const [unsound] = Object.entries(fields).find(([, value]) => value.includes('\0')) ?? [];
  if (unsound === undefined) return readFields(fields, schema);
  // Postgres would fail on it.
  const field = NAME.test(unsound) ? unsound : null;
  return refuse(
    'field_invalid',
    `The query has a NUL character${field === null ? '' : ` in ${field}`}`,
    field,
  );
}

function readFields<T>(fields: object, schema: z.ZodType<T>): T | Refusal {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined) return refuse('field_invalid', 'Invalid JSON payload');
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const field = [...issue.path, issue.keys[0]].join('.');
    // What was sent by mistake as a name may be a secret: only what looks like a name is repeated.
    return NAME.test(field)
      ? refuse('field_unknown', `Invalid JSON payload: ${field} is no field of this request`, field)
      : refuse('field_unknown', 'Invalid JSON payload: a field is none of this request');
  }
  const detail = SENTENCES.has(issue.message)
    ? issue.message
    : `Invalid JSON payload: ${path}: ${issue.message}`;
  return refuse(issue.code === 'invalid_type' ? 'field_type' : 'field_invalid', detail, path);
}

const NAME = /^[\w.]{1,40}$/;

/** Text that Postgres stores and nobody misreads: no control or direction characters, no half surrogate pairs. */
const sound = (text: string): boolean =>
  !/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(text) && text.isWellFormed();

const NAME_ADVICE = 'Name is required and must be <= 120 characters';
const DESCRIPTION_ADVICE = 'Description must be <= 500 characters';
export const ROLE_ADVICE = 'Invalid instance role';
/** Details that are whole sentences, worded as HitKeep words them. */
const SENTENCES: ReadonlySet<string> = new Set([NAME_ADVICE, DESCRIPTION_ADVICE, ROLE_ADVICE]);

/** A name: trimmed, 1 to 120 bytes, as HitKeep counts. */
export const nameSchema = z
  .string({ error: NAME_ADVICE })
  .trim()
  .refine((name) => isWithin(name, 1, 120) && sound(name), { error: NAME_ADVICE });

/** Trimmed, at most 500 bytes; lines may be broken. */
export const descriptionSchema = z
  .string()
  .trim()
  .refine((text) => isWithin(text, 0, 500) && sound(text.replaceAll(/[\r\n\t]/g, '')), {
    error: DESCRIPTION_ADVICE,
  })
  .default('');

/** RFC 3339 -> Date, to the millisecond. */
export const timeSchema = z.string().transform((text, context) => {
  const timestampUs = parseTimestampUs(text);
  if (timestampUs !== null) return new Date(timestampUs / 1000);
  context.addIssue({ code: 'custom', message: 'must be RFC3339, such as 2027-01-31T00:00:00Z' });
  return z.NEVER;
});

function isWithin(text: string, bytesMin: number, bytesMax: number): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes >= bytesMin && bytes <= bytesMax;
}
