/** Akamai's DataStream 2 as JSON: every value a text, escaped as in a URL, '-' for none. Pure. */
import { readNumber, readObjects, readStatus, readString, readTime, type Fields } from '../json-lines.ts';
import { decodeText, unescapePercent, type LogLine, type LogRow, type Unread } from '../log-row.ts';

export function readAkamai(text: string): Generator<LogLine> {
  return readObjects(text, readRow);
}

function readRow(fields: Fields): LogRow | Unread {
  const timestampMs = readTime(fields['reqTimeSec']);
  if (timestampMs === null) return { unread: 'there is no reqTimeSec' };
  const path = readString(fields['reqPath']);
  if (path === null) return { unread: 'there is no reqPath' };
  const statusCode = readStatus(fields['statusCode']);
  if (statusCode === null) return { unread: 'statusCode is no status code' };
  const query = readString(fields['queryStr']);
  const plain = unescapePercent(path.startsWith('/') ? path : `/${path}`);
  return {
    requestId: readString(fields['reqId']),
    timestampMs,
    hostname: readString(fields['reqHost'])?.toLowerCase() ?? null,
    path: query === null ? plain : `${plain}?${unescapePercent(query)}`,
    statusCode,
    method: readString(fields['reqMethod']),
    userAgent: decoded(fields['UA']),
    referrer: decoded(fields['referer']),
    contentType: decoded(fields['rspContentType']),
    bytesServed: readNumber(fields['bytes'], 1),
    responseMs: readNumber(fields['turnAroundTimeMSec'], 1),
    visitorIp: readString(fields['cliIP']),
  };
}

function decoded(value: unknown): string | null {
  const text = readString(value);
  return text === null ? null : decodeText(text);
}
