/** Objects as log shippers send them: one a line, or in an array; and how their values are read. Pure. */
import { splitLines, type LogLine } from './log-row.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Each object of the text, read by `readRow`. */
export function* readObjects(text: string, readRow: (fields: Fields) => LogLine['row']): Generator<LogLine> {
  for (const { line, value } of splitObjects(text))
    yield { text: line, row: isFields(value) ? readRow(value) : { unread: 'the line is no JSON object' } };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function* splitObjects(text: string): Generator<{ readonly line: string; readonly value: unknown }> {
  if (text.trimStart().startsWith('[')) {
    const values = parseJson(text);
    if (Array.isArray(values)) {
      for (const value of values as unknown[]) yield { line: JSON.stringify(value), value };
      return;
    }
  }
  for (const line of splitLines(text)) yield { line, value: parseJson(line) };
}

/** Brackets, commas and colons: a log of 32 MiB has some two million. A text that is not longer than this cannot have more. */
export const MARKS_MAX = 3_000_000;

/** Whether JSON has more in it than can be read while others wait: 32 MiB of empty objects take seconds, and a gigabyte. */
export function hasTooMuch(text: string): boolean {
  return text.length > MARKS_MAX && countMarks(text, MARKS_MAX) > MARKS_MAX;
}

/** Undefined when it is no JSON, or has too much in it: no JSON value is undefined. */
export function parseJson(text: string): unknown {
  if (hasTooMuch(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const [QUOTE, BACKSLASH, NEWLINE] = [0x22, 0x5c, 0x0a];
const MARKS = new Uint8Array(128);
for (const mark of '{[,:') MARKS[mark.charCodeAt(0)] = 1;

/** What a reader of JSON comes across outside of texts, up to a little more than `max`. No text goes over a line's end. */
function countMarks(text: string, max: number): number {
  let count = 0;
  let isInText = false;
  for (let index = 0; index < text.length && count <= max; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) isInText = !isInText;
    else if (code === NEWLINE) isInText = false;
    else if (!isInText) count += MARKS[code] ?? 0;
    else if (code === BACKSLASH) index++;
  }
  return count;
}

export function readString(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value !== '-' ? value : null;
}

/** A number, or a text that is one; not negative; in another unit, rounded. */
export function readNumber(value: unknown, factor: number): number | null {
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) return null;
  const scaled = Math.round(number * factor);
  return Number.isSafeInteger(scaled) ? scaled : null;
}

const NANOSECONDS_FROM = 1e17;
const MICROSECONDS_FROM = 1e14;
const MILLISECONDS_FROM = 1e11;

/** Milliseconds since 1970 of RFC 3339, or of a number whose size tells its unit. */
export function readTime(value: unknown): number | null {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) {
    const ms = Date.parse(value);
    return Number.isNaN(ms) ? null : ms;
  }
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return null;
  if (number >= NANOSECONDS_FROM) return Math.floor(number / 1e6);
  if (number >= MICROSECONDS_FROM) return Math.floor(number / 1e3);
  return Math.round(number >= MILLISECONDS_FROM ? number : number * 1000);
}

export function readStatus(value: unknown): number | null {
  const status = readNumber(value, 1);
  return status !== null && status <= 999 ? status : null;
}
