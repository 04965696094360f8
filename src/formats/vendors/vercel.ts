/**
 * Vercel's log drains, JSON array or lines. Only what a request left at the edge is a row; what functions and builds print
 * is none. One request may leave several lines, which are the same row. Pure.
 */
import {
  isFields,
  readNumber,
  readObjects,
  readStatus,
  readString,
  readTime,
  type Fields,
} from '../json-lines.ts';
import type { LogLine } from '../log-row.ts';

export function readVercel(text: string): Generator<LogLine> {
  return readObjects(text, readRow);
}

function readRow(fields: Fields): LogLine['row'] {
  const { proxy } = fields;
  if (!isFields(proxy)) return null;
  const timestampMs = readTime(proxy['timestamp'] ?? fields['timestamp']);
  if (timestampMs === null) return { unread: 'there is no proxy.timestamp' };
  const path = readString(proxy['path']) ?? readString(fields['path']);
  if (path === null) return { unread: 'there is no proxy.path' };
  const agents: unknown = proxy['userAgent'];
  return {
    requestId: readString(fields['requestId']) ?? readString(fields['id']),
    timestampMs,
    hostname: (readString(proxy['host']) ?? readString(fields['host']))?.toLowerCase() ?? null,
    path,
    // -1: nobody waited for an answer (revalidation), or the function crashed.
    statusCode: readStatus(proxy['statusCode'] ?? fields['statusCode']) ?? 0,
    method: readString(proxy['method']),
    userAgent: readString(Array.isArray(agents) ? agents[0] : agents),
    referrer: readString(proxy['referer']),
    contentType: null,
    bytesServed: readNumber(proxy['responseByteSize'], 1),
    responseMs: null,
    visitorIp: readString(proxy['clientIp']),
  };
}
