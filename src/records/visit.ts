/**
 * What a pageview and an event have in common: url, timestamp, visitor_ip, user_agent, checked in HitKeep's order,
 * and what follows from them. The visitor's address is judged and used for the country; it is kept nowhere. Pure.
 */
import { isIP, isIPv6 } from 'node:net';
import { deriveId, parseUuid, type IdSource } from './identity.ts';
import {
  fault,
  isFault,
  isStorable,
  readRequiredText,
  unstorable,
  type Fault,
  type Payload,
} from './payload.ts';
import { readTimestamp, type RecordName, type TimePolicy } from './time.ts';
import { splitUrl } from './url.ts';

/** What a reader needs besides the payload. */
export interface ReadContext {
  readonly nowMs: number;
  readonly timePolicy: TimePolicy;
  readonly countryOf: (address: string) => string | null;
  /** Whether an AI crawler, by its token, comes from that address; null: nobody can tell. */
  readonly isVerified: (token: string, address: string) => boolean | null;
  readonly clientId: string;
  /** '' when the request has none. */
  readonly idempotencyKey: string;
  /** The record's place in its request. */
  readonly index: number;
}

/** What an encoder needs besides the record. */
export interface RowContext {
  readonly siteId: string;
  readonly clientId: string;
  readonly nowMs: number;
  readonly ids: IdSource;
}

export interface Visit {
  readonly hostname: string;
  readonly path: string;
  readonly query: string;
  readonly timestampUs: number;
  readonly countryCode: string | null;
  readonly userAgent: string;
  /** Null: a new one is made when the row is written. */
  readonly id: string | null;
}

export function readVisit(payload: Payload, name: RecordName, context: ReadContext): Visit | Fault {
  const { fields, hasEscapes } = payload;
  const text = readRequiredText(fields['url'], 'url', hasEscapes, URL_ADVICE);
  if (isFault(text)) return text;
  const url = splitUrl(text.trim());
  if (url === null) return fault('field_invalid', 'url', URL_ADVICE);
  const timestampUs = readTimestamp(fields['timestamp'], name, context.nowMs, context.timePolicy);
  if (isFault(timestampUs)) return timestampUs;
  const address = readRequiredText(fields['visitor_ip'], 'visitor_ip', hasEscapes, ADDRESS_ADVICE);
  if (isFault(address)) return address;
  if (!isAddress(address.trim())) return fault('field_invalid', 'visitor_ip', ADDRESS_ADVICE);
  const userAgent = readRequiredText(
    fields['user_agent'],
    'user_agent',
    hasEscapes,
    'user_agent is required.',
  );
  if (isFault(userAgent)) return userAgent;
  const id = readId(fields['id'], context);
  if (isFault(id)) return id;
  return {
    hostname: url.hostname,
    path: url.path,
    query: url.query,
    timestampUs,
    countryCode: context.countryOf(address.trim()),
    userAgent,
    id,
  };
}

/** The sender's id, else one derived from the request's key, else null. A nil UUID is an id like any other. */
export function readId(value: unknown, context: ReadContext): string | null | Fault {
  if (value === undefined || value === null) {
    return context.idempotencyKey === ''
      ? null
      : deriveId(context.clientId, context.idempotencyKey, context.index);
  }
  if (typeof value !== 'string')
    return fault('field_type', 'id', 'id must be a UUID as text, or be left out.');
  return parseUuid(value) ?? fault('field_invalid', 'id', 'id must be a UUID, or be left out.');
}

/** IPv4 or IPv6, without a port; IPv6 with any zone (fe80::1%eth0). */
export function isAddress(text: string): boolean {
  const zone = text.indexOf('%');
  return zone === -1 ? isIP(text) !== 0 : zone < text.length - 1 && isIPv6(text.slice(0, zone));
}

/** A text decoded from the url may hold what the url itself did not. */
export function checkDecoded(texts: readonly (string | null)[]): Fault | null {
  return texts.every((text) => text === null || isStorable(text)) ? null : unstorable('url');
}

const URL_ADVICE = 'url must be an absolute http or https URL.';
const ADDRESS_ADVICE = 'visitor_ip must be a valid IP address: IPv4 or IPv6, without a port.';
