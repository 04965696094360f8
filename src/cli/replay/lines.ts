/** What the lines of a file are: their format, whether they are in the time that is wanted, and whether they can be read at all. */
import { isUnread } from '../../formats/log-row.ts';
import { formats, isFormatName, type FormatName } from '../../ingest/shippers/formats.ts';

export interface LineOptions {
  /** A format, or 'auto'. */
  readonly format: string;
  readonly fields: string;
  readonly since?: number;
  readonly until?: number;
}

export function chooseFormat(text: string, format: string): FormatName {
  return isFormatName(format) ? format : detectFormat(text);
}

/** By the first line: each format has something that no other has. */
export function detectFormat(text: string): FormatName {
  const [first = ''] = text.split('\n', 1);
  if (first.startsWith('#') || /"cs-uri-stem"|"cs_uri_stem"|\t/.test(first)) return 'cloudfront';
  if (first.includes('"ClientRequest')) return 'cloudflare';
  if (first.includes('"reqTimeSec"')) return 'akamai';
  if (first.includes('"log_type"')) return 'netlify';
  return /"proxy" *: *\{/.test(first) ? 'vercel' : 'access-log';
}

/** A line whose time cannot be read is sent: the gateway keeps it with the reason. */
export function isInTime(line: string, header: string, options: LineOptions): boolean {
  const { since, until } = options;
  if (since === undefined && until === undefined) return true;
  const format = chooseFormat(header === '' ? line : header, options.format);
  const [read] = [...formats[format](header + line, options.fields)];
  const row = read?.row ?? null;
  if (row === null || isUnread(row)) return true;
  const { timestampMs } = row;
  return timestampMs >= (since ?? -Infinity) && timestampMs < (until ?? Infinity);
}

const SHOWN_LENGTH = 60;

/**
 * Why none of these lines can be read, and what to do; null when one of them can, or tells of no request. A file that
 * is no log at all would else lie in quarantine, line by line.
 */
export function explainUnread(text: string, options: LineOptions): string | null {
  const format = chooseFormat(text, options.format);
  let first: { readonly text: string; readonly reason: string } | null = null;
  let count = 0;
  for (const { text: line, row } of formats[format](text, options.fields)) {
    if (row === null || !isUnread(row)) return null;
    first ??= { text: line, reason: row.unread };
    count++;
  }
  if (first === null) return null;
  const shown = JSON.stringify(first.text.slice(0, SHOWN_LENGTH));
  const todo = [
    `--format says what it is (it was read as ${format})`,
    ...(format === 'cloudfront' ? ['--fields names the columns where no line does'] : []),
  ];
  return `none of its first ${count} lines can be read, such as ${shown}: ${first.reason}. Nothing of it was sent; ${todo.join(', ')}`;
}
