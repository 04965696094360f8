/** Requests to the API, with the cookie of whoever is signed in. A 'no' is a value, in the API's own words. */

export interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly field: string | null;
}

export interface Good<T> {
  readonly isGood: true;
  readonly body: T;
  readonly etag: string | null;
  /** The path of the list's next page. */
  readonly next: string | null;
}

export type Answer<T> = Good<T> | { readonly isGood: false; readonly problem: Problem };

export interface Sent {
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

const ANSWER_MS_MAX = 25_000;
const SIGNED_OUT = 'sluice:signed-out';

export async function ask<T>(method: Method, path: string, sent: Sent = {}): Promise<Answer<T>> {
  const { body, headers = {} } = sent;
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    text = await response.text();
  } catch {
    return { isGood: false, problem: UNREACHABLE };
  }
  if (response.ok) {
    const etag = response.headers.get('etag');
    return { isGood: true, body: parse(text) as T, etag, next: readNext(response.headers.get('link')) };
  }
  const problem = readProblem(response.status, parse(text));
  if (problem.code === 'not_signed_in') dispatchEvent(new Event(SIGNED_OUT));
  return { isGood: false, problem };
}

/** Called when an answer says that nobody is signed in any more. Returns what takes it back. */
export function onSignedOut(listen: () => void): () => void {
  addEventListener(SIGNED_OUT, listen);
  return () => removeEventListener(SIGNED_OUT, listen);
}

/** With it a request that is sent twice is done once. */
export function createRequestKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Where records are sent: the console may have a port of its own. */
export function recordsBase(): string {
  const port = document.body.dataset['recordsPort'] ?? '';
  if (port === '') return location.origin;
  return `${location.protocol}//${location.hostname}:${port}`;
}

const UNREACHABLE: Problem = {
  code: 'unreachable',
  title: 'The gateway does not answer',
  detail:
    'It may be restarting, or the network is away. Whether a change was made is not known: look, then try again.',
  field: null,
};

function readProblem(status: number, body: unknown): Problem {
  const members: Record<string, unknown> =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string): string | null => (typeof members[name] === 'string' ? members[name] : null);
  return {
    code: text('code') ?? `status_${status}`,
    title: text('title') ?? `The answer was ${status}`,
    detail: text('detail') ?? 'It came from something between this page and the gateway.',
    field: text('field'),
  };
}

/** Of `Link: </path>; rel="next"`. Only a path: a list goes on where it began. */
function readNext(link: string | null): string | null {
  return /<(\/[^>]*)>;\s*rel="next"/.exec(link ?? '')?.[1] ?? null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
