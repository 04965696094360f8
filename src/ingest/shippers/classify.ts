/**
 * What becomes of a row of an access log: a fetch by an AI crawler; a pageview, where that is wanted; or nothing, for a
 * reason that is counted. Ids come from the vendor's request id, else from the line itself: sent again it is the same row.
 * Pure.
 */
import { findCrawler } from '../../crawlers/crawlers.ts';
import { readResourceType } from '../../crawlers/resource-type.ts';
import { isUnread, type LogLine, type LogRow } from '../../formats/log-row.ts';
import { deriveId } from '../../records/identity.ts';
import type { Payload } from '../../records/payload.ts';
import { mixedKinds, unreadLineKind, type MixedKind } from '../batch/mixed.ts';

export type Skip = 'not_a_request' | 'no_status' | 'not_ai' | 'not_a_page';

export interface LogOptions {
  /** Whether people's views of pages become pageviews. */
  readonly wantsPageviews: boolean;
  /** Of lines that name none. */
  readonly hostname: string | null;
}

export interface Classified {
  readonly kind: MixedKind;
  readonly payload: Payload;
}

/** The last instant that has a date. */
const DATE_MS_MAX = 8.64e15;

export function classifyLine(line: LogLine, format: string, options: LogOptions): Classified | Skip {
  const { row } = line;
  if (row === null) return 'not_a_request';
  if (isUnread(row)) return keepUnread(line.text, format, row.unread);
  if (row.timestampMs > DATE_MS_MAX) return keepUnread(line.text, format, 'the time is beyond the calendar');
  if (row.statusCode < 100) return 'no_status';
  const id = deriveId(format, row.requestId ?? line.text, 0);
  const placed = row.hostname === null ? { ...row, hostname: options.hostname } : row;
  if (row.userAgent !== null && findCrawler(row.userAgent) !== null) return asAiFetch(placed, id);
  if (!options.wantsPageviews) return 'not_ai';
  return isPage(placed) ? asPageview(placed, id) : 'not_a_page';
}

/** A line that cannot be a record, to be kept with the reason. */
export function keepUnread(text: string, format: string, reason: string): Classified {
  return { kind: unreadLineKind, payload: { fields: { format, reason, line: text }, hasEscapes: false } };
}

function asAiFetch(row: LogRow, id: string): Classified {
  return {
    kind: mixedKinds.ai_fetch,
    payload: payloadOf({
      id,
      timestamp: new Date(row.timestampMs).toISOString(),
      path: row.path,
      hostname: row.hostname,
      status_code: row.statusCode,
      user_agent: row.userAgent,
      content_type: row.contentType,
      response_ms: row.responseMs,
      bytes_served: row.bytesServed,
      method: row.method,
      referrer: row.referrer,
      visitor_ip: row.visitorIp,
    }),
  };
}

function asPageview(row: LogRow, id: string): Classified {
  return {
    kind: mixedKinds.pageview,
    payload: payloadOf({
      id,
      timestamp: new Date(row.timestampMs).toISOString(),
      url: `https://${row.hostname ?? ''}${row.path}`,
      user_agent: row.userAgent,
      referrer: row.referrer,
      visitor_ip: row.visitorIp,
    }),
  };
}

/** A person's GET of HTML that was answered. Where no content type is known, the path has to look like a page's. */
function isPage(row: LogRow): boolean {
  if (row.method !== 'GET' || row.hostname === null || row.userAgent === null || row.visitorIp === null)
    return false;
  const isAnswered = row.statusCode === 304 || (row.statusCode >= 200 && row.statusCode < 300);
  const isHtml =
    row.contentType === null ? !hasExtension(row.path) : readResourceType(row.contentType) === 'html';
  return isAnswered && isHtml;
}

function hasExtension(path: string): boolean {
  const [name = ''] = path.split('?');
  return /\.(?!html?$)[a-z0-9]{1,8}$/i.test(name);
}

/** Texts come from a log: they may hold what Postgres refuses, so they are looked at. */
function payloadOf(fields: Readonly<Record<string, unknown>>): Payload {
  return { fields, hasEscapes: true };
}
