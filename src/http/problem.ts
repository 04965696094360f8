/**
 * Errors over HTTP: RFC 9457 problem documents, from one table. A code that is not in the table does not compile;
 * a code that is not in docs/errors.md fails a test.
 */
import type { RecordCode } from '../records/payload.ts';
import type { Reply } from './request.ts';

export type ProblemCode =
  | RecordCode
  | 'unauthorized'
  | 'forbidden'
  | 'site_not_found'
  | 'site_id_invalid'
  | 'path_unknown'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'content_encoding_unsupported'
  | 'content_encoding_malformed'
  | 'batch_rejected'
  | 'header_invalid'
  | 'grant_in_doubt'
  | 'site_in_doubt'
  | 'rate_limited'
  | 'too_many_unknown_tokens'
  | 'overloaded'
  | 'journal_full'
  | 'journal_busy'
  | 'journal_failed'
  | 'journal_slow'
  | 'stopping'
  | 'internal'
  | AdminCode;

/** What only the administration answers. */
type AdminCode =
  | 'field_unknown'
  | 'id_invalid'
  | 'not_signed_in'
  | 'credentials_wrong'
  | 'signature_invalid'
  | 'access_denied'
  | 'delegation_refused'
  | 'cross_origin'
  | 'target_not_found'
  | 'client_inactive'
  | 'conflict'
  | 'key_reused'
  | 'version_outdated'
  | 'too_many_requests'
  | 'signing_keys_unavailable'
  | 'database_unavailable';

interface ProblemKind {
  readonly status: string;
  readonly title: string;
  /** Seconds after which trying again may help; null = it cannot, the request has to change. */
  readonly retryAfterSeconds: number | null;
}

const BAD_REQUEST = '400 Bad Request';
const TOO_MANY = '429 Too Many Requests';
const UNAVAILABLE = '503 Service Unavailable';

export const problems = {
  body_not_utf8: { status: BAD_REQUEST, title: 'The body is not valid UTF-8', retryAfterSeconds: null },
  body_not_json: { status: BAD_REQUEST, title: 'The body is not one JSON value', retryAfterSeconds: null },
  body_not_object: { status: BAD_REQUEST, title: 'The body is not a JSON object', retryAfterSeconds: null },
  field_required: { status: BAD_REQUEST, title: 'A required field is missing', retryAfterSeconds: null },
  field_type: { status: BAD_REQUEST, title: 'A field has the wrong type', retryAfterSeconds: null },
  field_invalid: { status: BAD_REQUEST, title: 'A field is not valid', retryAfterSeconds: null },
  field_out_of_range: { status: BAD_REQUEST, title: 'A number is out of range', retryAfterSeconds: null },
  text_unstorable: { status: BAD_REQUEST, title: 'A text cannot be stored', retryAfterSeconds: null },
  timestamp_outside_policy: {
    status: BAD_REQUEST,
    title: 'The timestamp is outside of the time policy',
    retryAfterSeconds: null,
  },
  crawler_unknown: {
    status: BAD_REQUEST,
    title: 'The user agent is no known AI crawler',
    retryAfterSeconds: null,
  },
  too_many_records: { status: BAD_REQUEST, title: 'The batch has too many records', retryAfterSeconds: null },
  batch_rejected: { status: BAD_REQUEST, title: 'No record was accepted', retryAfterSeconds: null },
  content_encoding_malformed: {
    status: BAD_REQUEST,
    title: 'The body is not in its content encoding',
    retryAfterSeconds: null,
  },
  header_invalid: { status: BAD_REQUEST, title: 'A header is not valid', retryAfterSeconds: null },
  site_id_invalid: { status: BAD_REQUEST, title: 'The site id is not a UUID', retryAfterSeconds: null },
  unauthorized: { status: '401 Unauthorized', title: 'No valid token', retryAfterSeconds: null },
  forbidden: {
    status: '403 Forbidden',
    title: 'The token may not write to this site',
    retryAfterSeconds: null,
  },
  site_not_found: { status: '404 Not Found', title: 'Site not found', retryAfterSeconds: null },
  path_unknown: { status: '404 Not Found', title: 'There is nothing at this path', retryAfterSeconds: null },
  method_not_allowed: {
    status: '405 Method Not Allowed',
    title: 'Method not allowed',
    retryAfterSeconds: null,
  },
  body_too_large: {
    status: '413 Content Too Large',
    title: 'The body is too large',
    retryAfterSeconds: null,
  },
  content_encoding_unsupported: {
    status: '415 Unsupported Media Type',
    title: 'The content encoding is not supported',
    retryAfterSeconds: null,
  },
  internal: { status: '500 Internal Server Error', title: 'A fault in Sluice', retryAfterSeconds: null },
  grant_in_doubt: { status: UNAVAILABLE, title: 'The token cannot be checked now', retryAfterSeconds: 2 },
  site_in_doubt: { status: UNAVAILABLE, title: 'The site cannot be looked up now', retryAfterSeconds: 2 },
  field_unknown: { status: BAD_REQUEST, title: 'A field is not known', retryAfterSeconds: null },
  id_invalid: { status: BAD_REQUEST, title: 'An id in the path is not a UUID', retryAfterSeconds: null },
  not_signed_in: { status: '401 Unauthorized', title: 'Not signed in', retryAfterSeconds: null },
  credentials_wrong: {
    status: '401 Unauthorized',
    title: 'E-mail address or password is wrong',
    retryAfterSeconds: null,
  },
  signature_invalid: {
    status: '401 Unauthorized',
    title: 'The signature is not valid',
    retryAfterSeconds: null,
  },
  access_denied: { status: '403 Forbidden', title: 'Access denied', retryAfterSeconds: null },
  delegation_refused: {
    status: '403 Forbidden',
    title: 'More was asked for than may be given',
    retryAfterSeconds: null,
  },
  cross_origin: { status: '404 Not Found', title: 'Not for other origins', retryAfterSeconds: null },
  target_not_found: { status: '404 Not Found', title: 'There is no such thing', retryAfterSeconds: null },
  client_inactive: {
    status: '409 Conflict',
    title: 'The client is revoked or expired',
    retryAfterSeconds: null,
  },
  conflict: { status: '409 Conflict', title: 'It contradicts what is there', retryAfterSeconds: null },
  key_reused: {
    status: '409 Conflict',
    title: 'The Idempotency-Key was used for something else',
    retryAfterSeconds: null,
  },
  version_outdated: {
    status: '412 Precondition Failed',
    title: 'It was changed by somebody else',
    retryAfterSeconds: null,
  },
  too_many_requests: { status: TOO_MANY, title: 'Too many attempts', retryAfterSeconds: 60 },
  signing_keys_unavailable: {
    status: UNAVAILABLE,
    title: 'The public keys of the signature cannot be read',
    retryAfterSeconds: 60,
  },
  database_unavailable: {
    status: UNAVAILABLE,
    title: 'Postgres does not answer',
    retryAfterSeconds: 5,
  },
  rate_limited: {
    status: TOO_MANY,
    title: 'The client sends more than it may',
    retryAfterSeconds: 1,
  },
  too_many_unknown_tokens: {
    status: TOO_MANY,
    title: 'Too many unknown tokens from one address',
    retryAfterSeconds: 60,
  },
  overloaded: {
    status: UNAVAILABLE,
    title: 'More is being received than there is memory for',
    retryAfterSeconds: 1,
  },
  journal_full: { status: UNAVAILABLE, title: 'The journal is full', retryAfterSeconds: 10 },
  journal_busy: { status: UNAVAILABLE, title: 'The journal is behind', retryAfterSeconds: 1 },
  journal_failed: { status: UNAVAILABLE, title: 'The journal has failed', retryAfterSeconds: 30 },
  journal_slow: { status: UNAVAILABLE, title: 'The record was not safe in time', retryAfterSeconds: 5 },
  stopping: { status: UNAVAILABLE, title: 'The gateway is stopping', retryAfterSeconds: 1 },
} as const satisfies Record<ProblemCode, ProblemKind>;

export interface ProblemDetail {
  /** One sentence: what is wrong, where, and what to do. Never a token, never a value at length. */
  readonly detail: string;
  readonly field?: string | null;
  readonly headers?: readonly (readonly [string, string])[] | undefined;
  /** Instead of the code's own. */
  readonly retryAfterSeconds?: number | undefined;
  /** Further members of the document. */
  readonly more?: object;
}

/** The reply for a code. `type` is a relative reference: the anchor of the code on the errors page. */
export function createProblem(code: ProblemCode, problem: ProblemDetail): Reply {
  const kind: ProblemKind = problems[code];
  const headers: (readonly [string, string])[] = [['Content-Type', 'application/problem+json']];
  const retryAfter = problem.retryAfterSeconds ?? kind.retryAfterSeconds;
  if (retryAfter !== null) headers.push(['Retry-After', String(retryAfter)]);
  if (problem.headers !== undefined) headers.push(...problem.headers);
  return {
    status: kind.status,
    headers,
    body: JSON.stringify({
      type: `/docs/errors#${code}`,
      title: kind.title,
      status: Number(kind.status.slice(0, 3)),
      code,
      detail: problem.detail,
      ...problem.more,
      ...(problem.field === undefined || problem.field === null ? {} : { field: problem.field }),
    }),
  };
}
