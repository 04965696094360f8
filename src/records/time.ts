/**
 * RFC 3339 -> microseconds since 1970, exact from 1685 to 2255 (2^53 us either way). As Go reads it: upper-case T and
 * Z, an offset, any number of fraction digits (cut to microseconds), real days of a real calendar, no leap second.
 * Pure.
 */
import { fault, type Fault } from './payload.ts';

export interface TimePolicy {
  readonly pastMs: number;
  readonly futureMs: number;
  /** How long records are kept; null or not there: for ever. Older ones would be deleted as soon as they are stored. */
  readonly keptMs?: Readonly<Record<RecordName, number | null>>;
}

export type RecordName = keyof typeof KEPT;

const KEPT = {
  pageview: 'pageviews are kept (SLUICE_RETENTION_PAGEVIEWS)',
  event: 'events are kept (SLUICE_RETENTION_EVENTS)',
  aiFetch: 'fetches by AI crawlers are kept (SLUICE_RETENTION_AI_FETCHES)',
};

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Null when the text is no RFC 3339 time. */
export function parseTimestampUs(text: string): number | null {
  const length = text.length;
  if (
    length < 20 ||
    text[4] !== '-' ||
    text[7] !== '-' ||
    text[10] !== 'T' ||
    text[13] !== ':' ||
    text[16] !== ':'
  ) {
    return null;
  }
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  if (!isDate(year, month, day) || !isWithin(hour, 23) || !isWithin(minute, 59) || !isWithin(second, 59))
    return null;
  const fraction = readFraction(text, 19);
  if (fraction === null) return null;
  const offsetMinutes = readOffset(text, fraction.end);
  if (offsetMinutes === null) return null;
  const ms = utcMs(year, month, day) + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000;
  return ms * 1000 + fraction.us;
}

/** Judges the field `timestamp`. */
export function readTimestamp(
  value: unknown,
  name: RecordName,
  nowMs: number,
  policy: TimePolicy,
): number | Fault {
  if (value === undefined || value === null)
    return fault('field_required', 'timestamp', `timestamp is required. ${FORM}`);
  if (typeof value !== 'string')
    return fault('field_type', 'timestamp', `timestamp must be a text: ${RFC3339}`);
  const timestampUs = parseTimestampUs(value.trim());
  if (timestampUs === null) return fault('field_invalid', 'timestamp', FORM);
  const timestampMs = timestampUs / 1000;
  if (timestampMs < nowMs - policy.pastMs)
    return outside('timestamp is older than this gateway takes (SLUICE_TIME_PAST).');
  if (timestampMs > nowMs + policy.futureMs)
    return outside('timestamp is further ahead than this gateway takes (SLUICE_TIME_FUTURE).');
  const keptMs = policy.keptMs?.[name] ?? null;
  if (keptMs !== null && timestampMs < nowMs - keptMs)
    return outside(`timestamp is older than ${KEPT[name]}.`);
  return timestampUs;
}

function outside(detail: string): Fault {
  return fault('timestamp_outside_policy', 'timestamp', detail);
}

const RFC3339 = 'RFC3339, such as 2026-11-20T12:00:00Z.';
const FORM = `timestamp must be ${RFC3339}`;

/** -1 when a character is no digit. */
function digits(text: string, start: number, end: number): number {
  let number = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

function isWithin(number: number, max: number): boolean {
  return number >= 0 && number <= max;
}

function isDate(year: number, month: number, day: number): boolean {
  if (year < 0 || month < 1 || month > 12 || day < 1) return false;
  return day <= (month === 2 && isLeap(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0));
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
function utcMs(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day);
  // 400 years are a whole number of weeks, and of days: the calendar repeats.
  return Date.UTC(year + 400, month - 1, day) - 146_097 * 86_400_000;
}

function readFraction(text: string, start: number): { readonly us: number; readonly end: number } | null {
  if (text[start] !== '.') return { us: 0, end: start };
  let us = 0;
  let scale = 100_000;
  let end = start + 1;
  for (; end < text.length; end++) {
    const digit = text.charCodeAt(end) - 48;
    if (digit < 0 || digit > 9) break;
    us += digit * scale;
    scale = Math.floor(scale / 10);
  }
  return end === start + 1 ? null : { us, end };
}

/** Minutes east of UTC; null when there is no offset, or something behind it. */
function readOffset(text: string, start: number): number | null {
  const sign = text[start];
  if (sign === 'Z') return text.length === start + 1 ? 0 : null;
  if ((sign !== '+' && sign !== '-') || text.length !== start + 6 || text[start + 3] !== ':') return null;
  const hours = digits(text, start + 1, start + 3);
  const minutes = digits(text, start + 4, start + 6);
  if (!isWithin(hours, 23) || !isWithin(minutes, 59)) return null;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}
