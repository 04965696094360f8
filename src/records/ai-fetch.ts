/** A fetch by an AI crawler: payload -> checked fields -> row of `ai_fetches`. Pure. */
import { findCrawler, type Crawler } from '../crawlers/crawlers.ts';
import { readResourceType, type ResourceType } from '../crawlers/resource-type.ts';
import { AI_FETCHES, type RowWriter } from './entry.ts';
import {
  fault,
  INT4_MAX,
  isFault,
  readCount,
  readRequiredText,
  readText,
  type Fault,
  type Payload,
} from './payload.ts';
import { readTimestamp } from './time.ts';
import { splitUrl } from './url.ts';
import { isAddress, readId, type ReadContext, type RowContext } from './visit.ts';

export interface AiFetch {
  readonly timestampUs: number;
  readonly id: string | null;
  readonly crawler: Crawler;
  readonly path: string;
  readonly hostname: string | null;
  readonly statusCode: number;
  readonly contentType: string | null;
  readonly resourceType: ResourceType;
  readonly responseMs: number | null;
  readonly bytesServed: number | null;
  readonly userAgent: string;
  readonly method: string | null;
  readonly referrer: string | null;
  readonly countryCode: string | null;
  /** Whether its address is one of the crawler's own; null: nobody can tell. */
  readonly verified: boolean | null;
  readonly isDropped: false;
}

/** A token of RFC 9110, with a bound. */
const METHOD = /^[\w!#$%&'*+.^`|~-]{1,32}$/;

export function readAiFetch(payload: Payload, context: ReadContext): AiFetch | Fault {
  const { fields, hasEscapes } = payload;
  const statusCode = readStatusCode(fields['status_code']);
  if (isFault(statusCode)) return statusCode;
  const userAgent = readText(fields['user_agent'], 'user_agent', hasEscapes);
  if (isFault(userAgent)) return userAgent;
  const crawler = userAgent === null ? null : findCrawler(userAgent);
  if (userAgent === null || crawler === null) return fault('crawler_unknown', 'user_agent', CRAWLER_ADVICE);
  const place = readPlace(payload);
  if (isFault(place)) return place;
  const contentType = readText(fields['content_type'], 'content_type', hasEscapes);
  if (isFault(contentType)) return contentType;
  const responseMs = readCount(fields['response_ms'], 'response_ms', INT4_MAX);
  if (isFault(responseMs)) return responseMs;
  const bytesServed = readCount(fields['bytes_served'], 'bytes_served', Number.MAX_SAFE_INTEGER);
  if (isFault(bytesServed)) return bytesServed;
  const extras = readExtras(payload, crawler, context);
  if (isFault(extras)) return extras;
  return {
    ...place,
    ...extras,
    crawler,
    statusCode,
    contentType: contentType === null || contentType.trim() === '' ? null : contentType.trim(),
    resourceType: readResourceType(contentType ?? ''),
    responseMs,
    bytesServed,
    userAgent,
    isDropped: false,
  };
}

/** The fields in the order of the columns of `ai_fetches`. */
export function encodeAiFetch(writer: RowWriter, fetch: AiFetch, context: RowContext): void {
  writer.begin(AI_FETCHES);
  writer.uuid(context.siteId);
  writer.timestampUs(fetch.timestampUs);
  if (fetch.id === null) writer.timedId(context.ids, context.nowMs);
  else writer.uuid(fetch.id);
  writer.uuid(context.clientId);
  writer.timestampUs(context.nowMs * 1000);
  writer.text(fetch.crawler.name);
  writer.text(fetch.crawler.family);
  writer.text(fetch.crawler.category);
  writer.text(fetch.path);
  writer.text(fetch.hostname);
  writer.int4(fetch.statusCode);
  writer.text(fetch.contentType);
  writer.text(fetch.resourceType);
  writer.int4(fetch.responseMs);
  writer.int8(fetch.bytesServed);
  writer.text(fetch.userAgent);
  writer.text(fetch.method);
  writer.text(fetch.referrer);
  writer.text(fetch.countryCode);
  writer.boolean(fetch.verified);
  writer.end();
}

const STATUS_ADVICE = 'status_code must be between 100 and 599.';
const CRAWLER_ADVICE = 'user_agent must match a known AI bot.';

function readStatusCode(value: unknown): number | Fault {
  if (value === undefined || value === null) return fault('field_required', 'status_code', STATUS_ADVICE);
  if (typeof value !== 'number' || (!Number.isInteger(value) && Number.isFinite(value))) {
    return fault('field_type', 'status_code', 'status_code must be a whole number between 100 and 599.');
  }
  if (value < 100 || value > 599) return fault('field_out_of_range', 'status_code', STATUS_ADVICE);
  return value;
}

/** A path, or an absolute URL, whose host then serves as hostname when there is none. */
function readPlace({
  fields,
  hasEscapes,
}: Payload): { readonly path: string; readonly hostname: string | null } | Fault {
  const text = readRequiredText(fields['path'], 'path', hasEscapes, 'path is required.');
  if (isFault(text)) return text;
  const path = text.trim();
  const url = /^https?:\/\//i.test(path) ? splitUrl(path) : undefined;
  if (url === null)
    return fault('field_invalid', 'path', 'path must be a path, or an absolute http or https URL.');
  const given = readText(fields['hostname'], 'hostname', hasEscapes);
  if (isFault(given)) return given;
  const hostname = given === null || given.trim() === '' ? null : given.trim().toLowerCase();
  if (url !== undefined) return { path: url.path, hostname: hostname ?? url.host };
  return { path: path.startsWith('/') ? path : `/${path}`, hostname };
}

/** What HitKeep does not take: when it really was, from where, and how. */
function readExtras({ fields, hasEscapes }: Payload, crawler: Crawler, context: ReadContext) {
  const timestampUs =
    (fields['timestamp'] ?? null) === null
      ? context.nowMs * 1000
      : readTimestamp(fields['timestamp'], 'aiFetch', context.nowMs, context.timePolicy);
  if (isFault(timestampUs)) return timestampUs;
  const id = readId(fields['id'], context);
  if (isFault(id)) return id;
  const address = readText(fields['visitor_ip'], 'visitor_ip', hasEscapes);
  if (isFault(address)) return address;
  if (address !== null && !isAddress(address.trim())) {
    return fault('field_invalid', 'visitor_ip', 'visitor_ip must be a valid IP address, or be left out.');
  }
  const given = readText(fields['method'], 'method', hasEscapes);
  if (isFault(given)) return given;
  const method = given === null || given.trim() === '' ? null : given.trim().toUpperCase();
  if (method !== null && !METHOD.test(method)) {
    return fault('field_invalid', 'method', 'method must be an HTTP method, or be left out.');
  }
  const referrer = readText(fields['referrer'], 'referrer', hasEscapes);
  if (isFault(referrer)) return referrer;
  return {
    timestampUs,
    id,
    countryCode: address === null ? null : context.countryOf(address.trim()),
    verified: address === null ? null : context.isVerified(crawler.token, address.trim()),
    method,
    referrer,
  };
}
