/**
 * The framing guard: which requests have a body whose end everybody would see at the same place.
 *
 * The parser below accepts some requests that a proxy in front may frame differently (two lengths, a length and a
 * transfer coding, an odd coding), which is how requests are smuggled. Such a connection is closed without an
 * answer. Plain `Transfer-Encoding: chunked` is served: real shippers use it.
 */
import type { RequestHeaders } from './request.ts';

export interface Head {
  readonly headers: RequestHeaders;
  /** -1 when there is no Content-Length. */
  readonly contentLength: number;
  readonly isChunked: boolean;
  /** Null when sound; else what is wrong, for the counter and the log. */
  readonly violation: string | null;
}

/** What a header pass collects. One object a request; reused by nobody. */
interface Collected {
  contentLength: string | null;
  transferEncoding: string | null;
  hosts: number;
  authorizations: number;
  violation: string | null;
}

/** Reads all headers in one pass: picks the few that are used, and judges the framing. */
export function readHead(
  method: string,
  forEachHeader: (visit: (name: string, value: string) => void) => void,
): Head {
  const headers: RequestHeaders = {
    authorization: '',
    apiKey: '',
    contentEncoding: '',
    contentType: '',
    prefer: '',
    idempotencyKey: '',
    userAgent: '',
    forwardedFor: '',
  };
  const seen: Collected = {
    contentLength: null,
    transferEncoding: null,
    hosts: 0,
    authorizations: 0,
    violation: null,
  };
  forEachHeader((name, value) => collectHeader(headers, seen, name, value));
  const violation = seen.violation ?? judgeFraming(method, seen);
  return {
    headers,
    contentLength: seen.contentLength === null ? -1 : Number(seen.contentLength),
    isChunked: seen.transferEncoding !== null,
    violation,
  };
}

function collectHeader(headers: RequestHeaders, seen: Collected, name: string, value: string): void {
  switch (name) {
    case 'host':
      if (seen.hosts++ > 0) seen.violation = 'duplicate Host';
      else if (value === '') seen.violation = 'empty Host';
      break;
    case 'content-length':
      if (seen.contentLength !== null) seen.violation = 'duplicate Content-Length';
      seen.contentLength = value;
      break;
    case 'transfer-encoding':
      if (seen.transferEncoding !== null) seen.violation = 'duplicate Transfer-Encoding';
      seen.transferEncoding = value;
      break;
    case 'authorization':
      if (seen.authorizations++ > 0) seen.violation = 'duplicate Authorization';
      headers.authorization = value;
      break;
    case 'x-api-key':
      if (headers.apiKey !== '') seen.violation = 'duplicate X-Api-Key';
      headers.apiKey = value;
      break;
    case 'content-encoding':
      headers.contentEncoding = value;
      break;
    case 'content-type':
      headers.contentType = value;
      break;
    case 'prefer':
      // The field may be repeated: the values then form one list.
      headers.prefer = headers.prefer === '' ? value : `${headers.prefer}, ${value}`;
      break;
    case 'idempotency-key':
      if (headers.idempotencyKey !== '') seen.violation = 'duplicate Idempotency-Key';
      headers.idempotencyKey = value;
      break;
    case 'x-forwarded-for':
      // A proxy may add a field of its own to one that the sender wrote: the last word counts.
      headers.forwardedFor = headers.forwardedFor === '' ? value : `${headers.forwardedFor},${value}`;
      break;
    case 'user-agent':
      headers.userAgent = value;
      break;
    case '':
      seen.violation = 'empty header name';
      break;
    default:
  }
}

function judgeFraming(method: string, seen: Collected): string | null {
  const { contentLength, transferEncoding } = seen;
  if (transferEncoding !== null) {
    if (contentLength !== null) return 'Transfer-Encoding beside Content-Length';
    if (transferEncoding.toLowerCase() !== 'chunked') return 'Transfer-Encoding is not chunked';
  }
  if (contentLength !== null && !/^[0-9]{1,15}$/.test(contentLength)) return 'malformed Content-Length';
  const hasBody = transferEncoding !== null || (contentLength !== null && Number(contentLength) > 0);
  if (hasBody && (method === 'get' || method === 'head')) return 'GET with a body';
  return null;
}
