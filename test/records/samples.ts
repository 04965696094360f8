/** What the tests of this room start from: good bodies, a context at a fixed time, and short ways to look at results. */
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { createRowWriter, type RowWriter } from '../../src/records/entry.ts';
import { createIdSource } from '../../src/records/identity.ts';
import { isFault, readPayload, type Payload } from '../../src/records/payload.ts';
import type { ReadContext, RowContext } from '../../src/records/visit.ts';
import { decodeEntry, type Decoded } from './decode.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const NOW_MS = Date.UTC(2026, 10, 20, 12, 0, 0);
export const SITE = '0b9d1c52-6f0e-4e6a-9d0b-a4c1f2b3d4e5';
export const CLIENT = '9a3f6c1e-8b2d-4f70-a1c4-5e6d7c8b9a01';
export const SESSION = 'c56a4180-65aa-42ec-a945-5fd21dec0538';
export const NIL = '00000000-0000-0000-0000-000000000000';
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0';
export const GPTBOT = 'Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)';

/** The first twelve of a version 7 id are the time. */
export const ID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const ID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const ID_V8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const context: ReadContext = {
  nowMs: NOW_MS,
  timePolicy: { pastMs: 365 * 86_400_000, futureMs: 600_000 },
  countryOf: (address) => (address.startsWith('203.0.113.') ? 'AU' : null),
  isVerified: () => null,
  clientId: CLIENT,
  idempotencyKey: '',
  index: 0,
};

export const rowContext: RowContext = {
  siteId: SITE,
  clientId: CLIENT,
  nowMs: NOW_MS,
  ids: createIdSource(randomBytes),
};

export const visit: Fields = {
  url: 'https://www.example.com/pricing?plan=pro',
  timestamp: '2026-11-20T11:59:58.123456Z',
  visitor_ip: '203.0.113.7',
  user_agent: BROWSER,
};

export function payloadOf(fields: Fields): Payload {
  return parseBody(JSON.stringify(fields));
}

/** A body that must be good as JSON. */
export function parseBody(body: string): Payload {
  const payload = readPayload(Buffer.from(body, 'utf8'));
  if (isFault(payload)) throw new Error(payload.detail);
  return payload;
}

/** 'code field' of a fault; null of anything else. */
export function faultOf(result: unknown): string | null {
  return isFault(result) ? `${result.code} ${result.field}` : null;
}

/** The row as the database would get it. */
export function encodeRow<R>(
  record: R,
  encode: (writer: RowWriter, record: R, context: RowContext) => void,
): Decoded {
  const writer = createRowWriter();
  encode(writer, record, rowContext);
  return decodeEntry(writer.buffer().subarray(0, writer.length()));
}

/** JSON with every character beyond ASCII written as an escape: the same value in other words. */
export function escapeJson(text: string): string {
  return text.replaceAll(
    /[^\u0000-\u007f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Any text that Postgres can keep, from the whole of Unicode. */
export const storableText = fc
  .string({ unit: 'binary', maxLength: 200 })
  .filter((text) => !text.includes('\0'));
export const filledText = storableText.filter((text) => text.trim() !== '');
export const int4 = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
/** 16-bit units as they come, halves of pairs and NUL among them. */
export const wildText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((n) => String.fromCharCode(n)),
});
export const address = fc.oneof(fc.ipV4(), fc.ipV6());

export interface Instant {
  readonly text: string;
  readonly us: number;
}

/** A time within the policy of `context`, in microseconds and as some sender would write it. */
export const instant: fc.Arbitrary<Instant> = fc
  .record({
    us: fc.integer({ min: (NOW_MS - 364 * 86_400_000) * 1000, max: (NOW_MS + 600_000) * 1000 }),
    offsetMinutes: fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }),
    beyondMicroseconds: fc.stringMatching(/^\d{0,6}$/),
  })
  .map(({ us, offsetMinutes, beyondMicroseconds }) => ({
    us,
    text: printInstant(us, offsetMinutes, beyondMicroseconds),
  }));

/** RFC 3339 in the given offset, by way of Date. */
export function printInstant(us: number, offsetMinutes: number, beyondMicroseconds = ''): string {
  const seconds = Math.floor(us / 1e6);
  const local = new Date((seconds + offsetMinutes * 60) * 1000).toISOString().slice(0, 19);
  const fraction = String(us - seconds * 1e6).padStart(6, '0') + beyondMicroseconds;
  return `${local}.${fraction}${printOffset(offsetMinutes)}`;
}

function printOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  const hours = String(Math.floor(size / 60)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${hours}:${String(size % 60).padStart(2, '0')}`;
}
