/**
 * A body -> its records. One JSON object is one record, HitKeep's form. An array, or one JSON value a line (NDJSON), is
 * a batch: in an array the whole must be JSON; in NDJSON each line stands for itself, so that a bad one costs only
 * itself. NDJSON is known by its media type, or by a first line that is an object with more behind it. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { MARKS_MAX, hasTooMuch, isFields } from '../../formats/json-lines.ts';
import { fault, notJson, notUtf8, type Fault, type Payload } from '../../records/payload.ts';

export type Split =
  | { readonly form: 'single'; readonly payload: Payload }
  | { readonly form: 'batch'; readonly elements: readonly (Payload | Fault)[] };

const NDJSON = /ndjson|jsonl|json-?lines|x-json-stream/i;
const NEWLINE = 0x0a;

/** A fault is about the body as a whole. */
export function splitBody(body: Buffer, contentType: string, recordsMax: number): Split | Fault {
  if (body.length > MARKS_MAX && hasTooMuch(body.toString('latin1'))) return TOO_MUCH;
  if (NDJSON.test(contentType)) return splitLines(body, recordsMax);
  const text = decode(body);
  if (text === null) return notUtf8(body);
  const value = parse(text);
  if (value === undefined)
    return startsWithObjectLine(body) ? splitLines(body, recordsMax) : notJson(text, JSON_WANTED);
  const hasEscapes = text.includes('\\u');
  if (!Array.isArray(value))
    return isFields(value) ? { form: 'single', payload: { fields: value, hasEscapes } } : NOT_OBJECT;
  if (value.length > recordsMax) return tooMany(recordsMax);
  const elements = value.map((element: unknown) =>
    isFields(element) ? { fields: element, hasEscapes } : ELEMENT_NOT_OBJECT,
  );
  return { form: 'batch', elements };
}

function splitLines(body: Buffer, recordsMax: number): Split | Fault {
  const elements: (Payload | Fault)[] = [];
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    const element = readLine(body.subarray(start, end));
    if (element !== null) elements.push(element);
    if (elements.length > recordsMax) return tooMany(recordsMax);
    start = end + 1;
  }
  return { form: 'batch', elements };
}

/** Null for a blank line. */
function readLine(line: Buffer): Payload | Fault | null {
  const text = decode(line)?.trim();
  if (text === undefined) return fault('body_not_utf8', null, 'The line has bytes that are not UTF-8.');
  if (text === '') return null;
  const value = parse(text);
  if (value === undefined) return notJson(text, 'The line is not one JSON value.');
  return isFields(value) ? { fields: value, hasEscapes: text.includes('\\u') } : ELEMENT_NOT_OBJECT;
}

function startsWithObjectLine(body: Buffer): boolean {
  const newline = body.indexOf(NEWLINE);
  return newline > 0 && isFields(parse(body.toString('utf8', 0, newline)));
}

/** Null when it is not UTF-8: only then there is a U+FFFD that nobody sent. */
function decode(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return text.includes('\uFFFD') && !isUtf8(bytes) ? null : text;
}

/** Undefined when it is no JSON: no JSON value is undefined. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tooMany(recordsMax: number): Fault {
  return fault('too_many_records', null, `A batch has at most ${recordsMax} records. Send several batches.`);
}

const TOO_MUCH = fault('too_many_records', null, 'The body has millions of values. Send several batches.');
const JSON_WANTED =
  'Bad request body: it must be one JSON object, an array of objects, or one object a line.';
const NOT_OBJECT = fault(
  'body_not_object',
  null,
  'Bad request body: it must be a JSON object or an array of objects, not a text or number.',
);
const ELEMENT_NOT_OBJECT = fault('body_not_object', null, 'The record is not a JSON object.');
