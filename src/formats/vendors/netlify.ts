/** Netlify's log drains, type traffic, JSON array or lines; other types tell of no request. Pure. */
import { readNumber, readObjects, readStatus, readString, readTime, type Fields } from '../json-lines.ts';
import type { LogLine } from '../log-row.ts';

export function readNetlify(text: string): Generator<LogLine> {
  return readObjects(text, readRow);
}

function readRow(fields: Fields): LogLine['row'] {
  const type = readString(fields['log_type']);
  // 'traffic' in its deliveries, 'user_traffic' in its API.
  if (type !== null && !type.endsWith('traffic')) return null;
  const timestampMs = readTime(fields['timestamp']);
  if (timestampMs === null) return { unread: 'there is no timestamp' };
  const place = readString(fields['url']) ?? readString(fields['path']);
  if (place === null) return { unread: 'there is neither url nor path' };
  const statusCode = readStatus(fields['status_code']);
  if (statusCode === null) return { unread: 'status_code is no status code' };
  const [, host = null, path = place] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(place) ?? [];
  return {
    requestId: readString(fields['request_id']),
    timestampMs,
    hostname: (host ?? readString(fields['domain']))?.toLowerCase() ?? null,
    path: path.startsWith('/') ? path : `/${path}`,
    statusCode,
    method: readString(fields['method']),
    userAgent: readString(fields['user_agent']),
    referrer: readString(fields['referrer']),
    contentType: readString(fields['content_type']),
    bytesServed: readNumber(fields['response_size'], 1),
    responseMs: readNumber(fields['duration'], 1),
    visitorIp: readString(fields['client_ip']),
  };
}
