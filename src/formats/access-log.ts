/**
 * Access logs of web servers: Caddy's JSON, nginx as JSON with the field names that docs/shippers.md gives, and the
 * combined format of Apache and nginx, with or without a host before it. Each line tells what it is. Pure.
 */
import {
  isFields,
  readNumber,
  readObjects,
  readStatus,
  readString,
  readTime,
  type Fields,
} from './json-lines.ts';
import { splitLines, type LogLine, type LogRow, type Unread } from './log-row.ts';

export function* readAccessLog(text: string): Generator<LogLine> {
  for (const line of splitLines(text)) {
    if (line.startsWith('{') || line.startsWith('[{')) yield* readObjects(line, readJsonRow);
    else yield { text: line, row: readCombined(line) };
  }
}

/** Objects with our own names, which docs/shippers.md gives, in lines or an array. */
export function readNamedRows(text: string): Generator<LogLine> {
  return readObjects(text, readNamed);
}

function readJsonRow(fields: Fields): LogRow | Unread {
  return isFields(fields['request']) ? readCaddy(fields, fields['request']) : readNamed(fields);
}

function readCaddy(fields: Fields, request: Fields): LogRow | Unread {
  const timestampMs = readTime(fields['ts']);
  if (timestampMs === null) return { unread: 'there is no ts' };
  const path = readString(request['uri']);
  if (path === null) return { unread: 'there is no request.uri' };
  const statusCode = readStatus(fields['status']);
  if (statusCode === null) return { unread: 'status is no status code' };
  const host = readString(request['host']);
  return {
    requestId: null,
    timestampMs,
    hostname: host === null ? null : host.toLowerCase().replace(/:\d+$/, ''),
    path,
    statusCode,
    method: readString(request['method']),
    userAgent: readHeader(request['headers'], 'user-agent'),
    referrer: readHeader(request['headers'], 'referer'),
    contentType: readHeader(fields['resp_headers'], 'content-type'),
    bytesServed: readNumber(fields['size'], 1),
    responseMs: readNumber(fields['duration'], 1000),
    visitorIp: readString(request['client_ip']) ?? readString(request['remote_ip']),
  };
}

function readNamed(fields: Fields): LogRow | Unread {
  const timestampMs = readTime(fields['timestamp']);
  if (timestampMs === null) return { unread: 'there is no timestamp' };
  const path = readString(fields['path']);
  if (path === null) return { unread: 'there is no path' };
  const statusCode = readStatus(fields['status_code']);
  if (statusCode === null) return { unread: 'status_code is no status code' };
  return {
    requestId: readString(fields['id']),
    timestampMs,
    hostname: readString(fields['hostname'])?.toLowerCase() ?? null,
    path,
    statusCode,
    method: readString(fields['method']),
    userAgent: readString(fields['user_agent']),
    referrer: readString(fields['referrer']),
    contentType: readString(fields['content_type']),
    bytesServed: readNumber(fields['bytes_served'], 1),
    responseMs: readNumber(fields['response_ms'], 1) ?? readNumber(fields['response_s'], 1000),
    visitorIp: readString(fields['visitor_ip']),
  };
}

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
const COMBINED = new RegExp(
  String.raw`^(?:([\w.-]+)(?::\d+)? )?(\S+) \S+ \S+ \[([^\]]{20,32})\] ${QUOTED} (\d{3}|-) (\d+|-)(?: ${QUOTED} ${QUOTED})?`,
);
const LINE_LENGTH_MAX = 32_768;

function readCombined(line: string): LogRow | Unread {
  const match = line.length > LINE_LENGTH_MAX ? null : COMBINED.exec(line);
  if (match === null) return { unread: 'the line is neither JSON nor in the combined format' };
  const [, host, address, time, request = '', status = '', bytes, referrer, userAgent] = match;
  const timestampMs = readLocalTime(time ?? '');
  if (timestampMs === null) return { unread: 'the time is none' };
  const [method, path] = unquote(request).split(' ');
  if (method === undefined || path === undefined || !path.startsWith('/'))
    return { unread: 'the request has no path' };
  return {
    requestId: null,
    timestampMs,
    hostname: host?.toLowerCase() ?? null,
    path,
    statusCode: status === '-' ? 0 : Number(status),
    method,
    userAgent: readString(unquote(userAgent ?? '')),
    referrer: readString(unquote(referrer ?? '')),
    contentType: null,
    bytesServed: readNumber(bytes, 1),
    responseMs: null,
    visitorIp: readString(address),
  };
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** '10/Oct/2026:13:55:36 -0700' */
function readLocalTime(text: string): number | null {
  const match = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(text);
  const month = MONTHS.indexOf(match?.[2]?.toLowerCase() ?? '') + 1;
  if (match === null || month === 0) return null;
  const [, day, , year, time, hours, minutes] = match;
  const ms = Date.parse(`${year}-${String(month).padStart(2, '0')}-${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(ms) ? null : ms;
}

/** Undoes what nginx and Apache escape by a backslash, quotes and hex digits among it; bytes that are no UTF-8 become U+FFFD. */
function unquote(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replaceAll(/((?:\\x[0-9a-f]{2})+)|\\(.)/gi, (_, bytes?: string, plain?: string) =>
    bytes === undefined ? (plain ?? '') : Buffer.from(bytes.replaceAll('\\x', ''), 'hex').toString('utf8'),
  );
}

function readHeader(headers: unknown, name: string): string | null {
  if (!isFields(headers)) return null;
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return readString(Array.isArray(found) ? found[0] : found);
}
