/**
 * Body -> one JSON object, strictly: valid UTF-8, one value, nothing behind it. Then its fields, one by one, each
 * with its type and bounds. What cannot be taken is a value, a `Fault`, not an exception. Pure.
 *
 * Who reads a field hands over its value; `field` only names it in a fault, and `hasEscapes` is the payload's. Where a
 * name stands as such, as in fields['url'], V8 knows its place; one that is handed over would be looked up each time.
 */
import { isUtf8 } from 'node:buffer';

export type RecordCode =
  | 'body_not_utf8'
  | 'body_not_json'
  | 'body_not_object'
  | 'field_required'
  | 'field_type'
  | 'field_invalid'
  | 'field_out_of_range'
  | 'text_unstorable'
  | 'timestamp_outside_policy'
  | 'crawler_unknown'
  | 'too_many_records';

/** A class, since `instanceof` costs less than `in`, and every field of every record is asked. */
export class Fault {
  /** No other object will do. */
  declare protected readonly brand: never;
  readonly code: RecordCode;
  readonly field: string | null;
  /** One sentence: what is wrong and what is wanted. Never the value itself. */
  readonly detail: string;

  constructor(code: RecordCode, field: string | null, detail: string) {
    this.code = code;
    this.field = field;
    this.detail = detail;
  }
}

export function fault(code: RecordCode, field: string | null, detail: string): Fault {
  return new Fault(code, field, detail);
}

export function isFault(value: unknown): value is Fault {
  return value instanceof Fault;
}

export interface Payload {
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * A NUL or half a surrogate pair can only come from a \u escape, since the body is valid UTF-8: without one in
   * the whole body no text has to be searched for what Postgres refuses.
   */
  readonly hasEscapes: boolean;
}

export const INT4_MAX = 2_147_483_647;
const INT4_MIN = -2_147_483_648;

export function readPayload(body: Buffer): Payload | Fault {
  if (!isUtf8(body)) return notUtf8(body);
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return notJson(text, 'Bad request body: it must be exactly one JSON object.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fault(
      'body_not_object',
      null,
      'Bad request body: it must be one JSON object, not an array, text or number.',
    );
  }
  return { fields: value as Record<string, unknown>, hasEscapes: text.includes('\\u') };
}

export function notUtf8(body: Buffer): Fault {
  const isGzip = body[0] === 0x1f && body[1] === 0x8b;
  const advice = isGzip ? ' It looks like gzip: send it with Content-Encoding: gzip.' : '';
  return fault('body_not_utf8', null, `Bad request body: it has bytes that are not UTF-8.${advice}`);
}

/** `detail`, and the place: nothing else of V8's message, which may repeat the text. */
export function notJson(text: string, detail: string): Fault {
  return fault('body_not_json', null, `${detail}${tellPlace(text)}`);
}

function tellPlace(text: string): string {
  if (text.trim() === '') return ' It is empty.';
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const place = /\(line (\d+) column (\d+)\)$/.exec(message);
    if (place !== null) return ` It is no JSON at line ${place[1]}, column ${place[2]}.`;
    if (message.includes('end of JSON')) return ' It ends too early.';
  }
  return '';
}

/** A text that has to be there and not be blank; not trimmed. */
export function readRequiredText(
  value: unknown,
  field: string,
  hasEscapes: boolean,
  advice: string,
): string | Fault {
  if (value === undefined || value === null) return fault('field_required', field, advice);
  if (typeof value !== 'string') return fault('field_type', field, `${field} must be a text.`);
  if (value.trim() === '') return fault('field_required', field, advice);
  return checkText(value, field, hasEscapes);
}

/** A text or null; absent = null. */
export function readText(value: unknown, field: string, hasEscapes: boolean): string | null | Fault {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') return fault('field_type', field, `${field} must be a text or null.`);
  return checkText(value, field, hasEscapes);
}

/** A whole number within 32 bits, or null; absent = null. */
export function readInteger(value: unknown, field: string): number | null | Fault {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || (!Number.isInteger(value) && Number.isFinite(value))) {
    return fault('field_type', field, `${field} must be a whole number or null.`);
  }
  if (value < INT4_MIN || value > INT4_MAX) {
    return fault('field_out_of_range', field, `${field} must be from ${INT4_MIN} to ${INT4_MAX}.`);
  }
  return value;
}

/** A count that is kept only when it is positive, up to `max`; absent, null and others = null. */
export function readCount(value: unknown, field: string, max: number): number | null | Fault {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || (!Number.isInteger(value) && Number.isFinite(value))) {
    return fault('field_type', field, `${field} must be a whole number or null.`);
  }
  if (value > max) return fault('field_out_of_range', field, `${field} must be at most ${max}.`);
  return value > 0 ? value : null;
}

/** True, false, or absent or null = false. */
export function readFlag(value: unknown, field: string): boolean | Fault {
  if (value === undefined || value === null) return false;
  return typeof value === 'boolean' ? value : fault('field_type', field, `${field} must be true or false.`);
}

function checkText(text: string, field: string, hasEscapes: boolean): string | Fault {
  return hasEscapes && !isStorable(text) ? unstorable(field) : text;
}

/** Postgres keeps no NUL, and no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

export function unstorable(field: string): Fault {
  return fault(
    'text_unstorable',
    field,
    `${field} has a NUL character or half of a surrogate pair, which cannot be stored.`,
  );
}
