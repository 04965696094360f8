/** What a line of somebody's access log says, in one form for all of them; and texts as logs escape them. Pure. */

export interface LogRow {
  /** The vendor's own name of the request: the same line sent again is the same row. */
  readonly requestId: string | null;
  readonly timestampMs: number;
  readonly hostname: string | null;
  /** With the query, escaped as the viewer sent it. */
  readonly path: string;
  /** 0: the viewer left before there was one. */
  readonly statusCode: number;
  readonly method: string | null;
  readonly userAgent: string | null;
  readonly referrer: string | null;
  readonly contentType: string | null;
  readonly bytesServed: number | null;
  readonly responseMs: number | null;
  readonly visitorIp: string | null;
}

/** A line that says nothing that can be used. */
export interface Unread {
  readonly unread: string;
}

export interface LogLine {
  readonly text: string;
  /** Null: it tells of no request, such as a test message or what a function prints. */
  readonly row: LogRow | Unread | null;
}

export function isUnread(row: LogLine['row']): row is Unread {
  return row !== null && 'unread' in row;
}

/** Lines that have something on them; one at a time, since a text may have millions. */
export function* splitLines(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
    if (line.trim() !== '') yield line;
    start = end + 1;
  }
}

/** A URL's part as the viewer sent it: only the log's own escaping of '%' is undone. */
export function unescapePercent(text: string): string {
  return text.replaceAll('%25', '%');
}

/** A text that the log escaped, and that may have been escaped before: decoded, twice at most; never fails. */
export function decodeText(text: string): string {
  const once = decodeOnce(text);
  return ESCAPE.test(once) ? decodeOnce(once) : once;
}

const ESCAPE = /%[0-9a-f]{2}/i;

/** A run of escapes that is no UTF-8 stays as it is. */
function decodeOnce(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });
}
