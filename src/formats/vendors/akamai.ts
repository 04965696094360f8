/**
 * Akamai's DataStream 2 as JSON: every value a text, '-' or nothing for none. Headers are escaped as in a form
 * or as in a URL; path and query are what the viewer sent, with only what cannot be printed escaped. Pure.
 */
import { readNumber, readObjects, readStatus, readString, readTime, type Fields } from '../json-lines.ts';
import { decodeText, type LogLine } from '../log-row.ts';

export function readAkamai(text: string): Generator<LogLine> {
  return readObjects(text, readRow);
}

function readRow(fields: Fields): LogLine['row'] {
  // What a new stream sends to see whether anybody is there; its text is documented nowhere.
  if (!('reqTimeSec' in fields || 'reqPath' in fields)) return null;
  const timestampMs = readTime(fields['reqTimeSec']);
  if (timestampMs === null) return { unread: 'there is no reqTimeSec' };
  const path = readString(fields['reqPath']);
  if (path === null) return { unread: 'there is no reqPath' };
  const statusCode = readStatus(fields['statusCode']);
  if (statusCode === null) return { unread: 'statusCode is no status code' };
  const query = readString(fields['queryStr']);
  const absolute = path.startsWith('/') ? path : `/${path}`;
  return {
    requestId: readString(fields['reqId']),
    timestampMs,
    hostname: readString(fields['reqHost'])?.toLowerCase() ?? null,
    path: query === null ? absolute : `${absolute}?${query}`,
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

/** Escaped as in a form, where nothing else stands bare: then a '+' is a space. */
const FORM_ESCAPED = /^[\w*.+%~-]*$/;

function decoded(value: unknown): string | null {
  const text = readString(value);
  if (text === null) return null;
  return decodeText(FORM_ESCAPED.test(text) ? text.replaceAll('+', ' ') : text);
}
