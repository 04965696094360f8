/**
 * Amazon CloudFront's logs: standard v1 and v2 as W3C text with a `#Fields:` line, v2 as one JSON object a line, and
 * real-time logs, tab-separated lines whose fields have to be told. Columns go by name, never by place. Pure.
 *
 * Two of its traps: the viewer's host is x-host-header in standard logs and cs-host in real-time ones, where each holds
 * the distribution's domain in the other; and only in real-time logs cs-uri-stem has the query already.
 */
import { isFields, parseJson } from '../json-lines.ts';
import {
  decodeText,
  splitLines,
  unescapePercent,
  type LogLine,
  type LogRow,
  type Unread,
} from '../log-row.ts';

type Fields = Readonly<Record<string, string>>;
type ReadFields = { readonly fields: Fields } | Unread;

/** 'cs(User-Agent)', 'cs-user-agent' and 'cs_User_Agent' are one name. */
export function normaliseName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
}

/** `fields`: of lines before any `#Fields:`, comma between; '' = none told. */
export function* readCloudfront(text: string, fields: string): Generator<LogLine> {
  let columns = fields === '' ? null : fields.split(',').map((name) => normaliseName(name));
  for (const line of splitObjects(text)) {
    if (line.startsWith('#Fields:')) {
      columns = line
        .slice('#Fields:'.length)
        .trim()
        .split(/\s+/)
        .map((name) => normaliseName(name));
    } else if (!line.startsWith('#')) {
      const read = line.startsWith('{') ? readJson(line) : readColumns(line, columns);
      yield { text: line, row: 'fields' in read ? readRow(read.fields) : read };
    }
  }
}

/** Two objects without a line between them are two lines. */
function* splitObjects(text: string): Generator<string> {
  for (const line of splitLines(text)) {
    if (line.startsWith('{')) yield* line.split(/(?<=\})[ \t]*(?=\{)/);
    else yield line;
  }
}

function readColumns(line: string, columns: readonly string[] | null): ReadFields {
  if (columns === null) return { unread: 'there is no #Fields line, and the request names no fields' };
  const values = line.split('\t');
  if (values.length < columns.length)
    return { unread: `the line has ${values.length} columns of ${columns.length}` };
  return { fields: Object.fromEntries(columns.map((name, index) => [name, values[index] ?? '-'])) };
}

function readJson(line: string): ReadFields {
  const value = parseJson(line);
  if (!isFields(value)) return { unread: 'the line is not JSON' };
  const entries = Object.entries(value);
  return {
    fields: Object.fromEntries(entries.map(([name, field]) => [normaliseName(name), printField(field)])),
  };
}

/** An object may say that it is no text. */
function printField(field: unknown): string {
  return typeof field === 'string' ? field : JSON.stringify(field);
}

function readRow(fields: Fields): LogRow | Unread {
  const get = (name: string): string | null => {
    const value = fields[name];
    return value === undefined || value === '-' || value === '' ? null : value;
  };
  const timestampMs = readTime(get);
  if (timestampMs === null) return { unread: 'there is no time: timestamp(ms), timestamp, or date and time' };
  const stem = get('cs_uri_stem');
  if (stem === null) return { unread: 'there is no cs-uri-stem' };
  const status = get('sc_status') ?? '';
  if (!/^\d{3}$/.test(status)) return { unread: 'sc-status is no status code' };
  const isRealTime = 'timestamp' in fields;
  const query = isRealTime ? null : get('cs_uri_query');
  const [ownHost, otherHost] = isRealTime ? ['cs_host', 'x_host_header'] : ['x_host_header', 'cs_host'];
  const userAgent = get('cs_user_agent');
  const contentType = get('sc_content_type');
  const referrer = get('cs_referer');
  return {
    requestId: get('x_edge_request_id'),
    timestampMs,
    hostname: (get(ownHost) ?? get(otherHost))?.toLowerCase() ?? null,
    path: unescapePercent(query === null ? stem : `${stem}?${query}`),
    statusCode: Number(status),
    method: get('cs_method'),
    userAgent: userAgent === null ? null : decodeText(userAgent),
    referrer: referrer === null ? null : unescapePercent(referrer),
    contentType: contentType === null ? null : decodeText(contentType),
    bytesServed: readNumber(get('sc_bytes'), 1),
    responseMs: readNumber(get('time_taken'), 1000),
    visitorIp: get('c_ip'),
  };
}

function readTime(get: (name: string) => string | null): number | null {
  const ms = readNumber(get('timestamp_ms'), 1);
  if (ms !== null) return ms;
  const seconds = readNumber(get('timestamp'), 1000);
  if (seconds !== null) return seconds;
  const [date, time] = [get('date') ?? '', get('time') ?? ''];
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || !/^\d\d:\d\d:\d\d$/.test(time)) return null;
  const parsed = Date.parse(`${date}T${time}Z`);
  return Number.isNaN(parsed) ? null : parsed;
}

/** A plain number that is not negative, in another unit, rounded. */
function readNumber(text: string | null, factor: number): number | null {
  if (text === null || !/^\d{1,15}(\.\d{1,9})?$/.test(text)) return null;
  return Math.round(Number(text) * factor);
}
