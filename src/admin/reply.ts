/** Answers of the administration: JSON, never kept by a cache. */
import type { Reply } from '../http/request.ts';

const JSON_HEADERS = [
  ['Content-Type', 'application/json'],
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
] as const;

export interface ReplyOptions {
  readonly status?: string;
  readonly headers?: Reply['headers'];
}

export function replyJson(body: unknown, options: ReplyOptions = {}): Reply {
  const { status = '200 OK', headers = [] } = options;
  return { status, headers: [...JSON_HEADERS, ...headers], body: `${JSON.stringify(body)}\n` };
}

export function replyCreated(body: unknown, headers: Reply['headers'] = []): Reply {
  return replyJson(body, { status: '201 Created', headers });
}

export function replyEmpty(headers: Reply['headers'] = []): Reply {
  return { status: '204 No Content', headers: [['Cache-Control', 'no-store'], ...headers], body: '' };
}
