/**
 * What every request to the administration goes through: request id, cross-origin protection, who asks, the work,
 * the answer. An expected 'no' is a value; Postgres being away is 503, and whether a change was made is then not
 * known; anything else is a bug and goes on to be answered with 500.
 */
import { randomUUID } from 'node:crypto';
import type { Method, Reply, Request, Route } from '../http/request.ts';
import { parseUuid } from '../records/identity.ts';
import { isOutage, readSqlstate } from '../store/connect.ts';
import type { Author, Key, Source, User } from './actor.ts';
import { BODY_BYTES_MAX } from './body.ts';
import { isRefusal, refuse, replyRefusal, type Refusal } from './refusal.ts';
import { judgeOrigin, ORIGIN_FIELDS } from './sign-in/origin.ts';
import type { Sessions } from './sign-in/session.ts';

export type Outcome = Reply | Refusal;

export interface Call {
  readonly request: Request;
  readonly source: Source;
  /** A UUID of the path, by its place. `what`: 'client'. */
  id(index: number, what: string): string | Refusal;
}

export interface UserCall extends Call {
  readonly user: User;
  readonly author: Author;
}

export interface KeyCall extends Call {
  readonly actor: User | Key;
  readonly author: Author;
}

/** Declares routes by who may come. */
export interface RouteMaker {
  /** Anybody; a browser only from a page of this origin. */
  open(method: Method, path: string, handle: (call: Call) => Promise<Outcome>): Route;
  /** Machines of others: no cookie is looked at. `fields`: further headers that it reads. */
  machine(path: string, handle: (call: Call) => Promise<Outcome>, fields?: readonly string[]): Route;
  /** A signed-in person; a token does not count. */
  user(method: Method, path: string, handle: (call: UserCall) => Promise<Outcome>): Route;
  /** A signed-in person's page, by itself: that is no use of the session, and does not renew it. */
  watch(path: string, handle: (call: UserCall) => Promise<Outcome>, fields?: readonly string[]): Route;
  /** A signed-in person, or an organization key. `finish` shapes the answer, errors included. */
  key(
    method: Method,
    path: string,
    handle: (call: KeyCall) => Promise<Outcome>,
    finish: (outcome: Outcome, requestId: string) => Reply,
  ): Route;
}

export interface RouteDeps {
  readonly sessions: Sessions;
  readonly findKey: (request: Request) => Promise<Key | Refusal | null>;
  readonly publicUrl: string;
}

const FIELDS = [...ORIGIN_FIELDS, 'cookie', 'if-match', 'x-request-id'];
const REQUEST_ID = /^[\w.:-]{1,100}$/;
const NOT_SIGNED_IN = refuse(
  'not_signed_in',
  'Unauthorized: sign in with POST /api/auth/login. A token does not count here.',
);
const NO_KEY = refuse(
  'unauthorized',
  'Unauthorized: send an organization key as a bearer token, or sign in with POST /api/auth/login.',
);
const AWAY = refuse(
  'database_unavailable',
  'Postgres does not answer. Whether a change was made is not known: look, then try again.',
);
const GONE = refuse('conflict', 'Something that this refers to was deleted a moment ago.');
const FOREIGN_KEY_VIOLATION = '23503';
const ANSWER_MS_MAX = 20_000;

export function createRouteMaker(deps: RouteDeps): RouteMaker {
  const { sessions, publicUrl } = deps;

  /** Makes the route; `work` does everything between the call and its outcome. */
  function declare(
    method: Method,
    path: string,
    work: (call: Call) => Promise<Outcome>,
    options: {
      readonly finish?: (outcome: Outcome, requestId: string) => Reply;
      readonly isForBrowsers: boolean;
      readonly fields?: readonly string[];
    },
  ): Route {
    const finish = options.finish ?? ((outcome) => (isRefusal(outcome) ? replyRefusal(outcome) : outcome));
    return {
      method,
      path,
      bodyBytesMax: BODY_BYTES_MAX,
      fields: [...FIELDS, ...(options.fields ?? [])],
      async handle(request) {
        const call = createCall(request);
        const foreign = options.isForBrowsers ? judgeOrigin(request.method, request.fields, publicUrl) : null;
        const outcome = foreign ?? (await workWithin(work(call)));
        return withRequestId(finish(outcome, call.source.requestId), call.source.requestId);
      },
    };
  }

  async function findUser(call: Call): Promise<{ call: UserCall; renewed: string | null } | null> {
    const found = await sessions.find(call.request.fields['cookie'] ?? '');
    if (found === null) return null;
    const author = { actor: found.user, source: call.source };
    return { call: { ...call, user: found.user, author }, renewed: found.renewed };
  }

  return {
    open: (method, path, handle) => declare(method, path, handle, { isForBrowsers: true }),
    machine: (path, handle, fields = []) => declare('POST', path, handle, { isForBrowsers: false, fields }),
    user(method, path, handle) {
      const work = async (call: Call): Promise<Outcome> => {
        const found = await findUser(call);
        if (found === null) return NOT_SIGNED_IN;
        return renew(await handle(found.call), found.renewed);
      };
      return declare(method, path, work, { isForBrowsers: true });
    },
    watch(path, handle, fields = []) {
      const work = async (call: Call): Promise<Outcome> => {
        const found = await findUser(call);
        return found === null ? NOT_SIGNED_IN : handle(found.call);
      };
      return declare('GET', path, work, { isForBrowsers: true, fields });
    },
    key(method, path, handle, finish) {
      const work = async (call: Call): Promise<Outcome> => {
        const found = await findUser(call);
        if (found !== null) {
          // Only a cookie can be used by a page that does not know it.
          const foreign = judgeOrigin(call.request.method, call.request.fields, publicUrl);
          return foreign ?? renew(await handle({ ...found.call, actor: found.call.user }), found.renewed);
        }
        const key = await deps.findKey(call.request);
        if (key === null) return NO_KEY;
        if (isRefusal(key)) return key;
        return handle({ ...call, actor: key, author: { actor: key, source: call.source } });
      };
      return declare(method, path, work, { isForBrowsers: false, finish });
    },
  };
}

function createCall(request: Request): Call {
  const given = request.fields['x-request-id'] ?? '';
  const address = request.address();
  return {
    request,
    source: {
      ip: address === '' ? null : address,
      userAgent: printUserAgent(request.headers.userAgent),
      requestId: REQUEST_ID.test(given) ? given : randomUUID(),
    },
    id(index, what) {
      const id = parseUuid(request.parameters[index] ?? '');
      return id ?? refuse('id_invalid', `Invalid ${what} ID`);
    },
  };
}

/** Postgres may be frozen: nobody waits for it for ever. */
async function workWithin(work: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Refusal>((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS_MAX, AWAY);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    if (isOutage(error)) return AWAY;
    if (readSqlstate(error) === FOREIGN_KEY_VIOLATION) return GONE;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function renew(outcome: Outcome, cookie: string | null): Outcome {
  if (cookie === null || isRefusal(outcome)) return outcome;
  if (outcome.headers.some(([name]) => name === 'Set-Cookie')) return outcome;
  return { ...outcome, headers: [...outcome.headers, ['Set-Cookie', cookie]] };
}

function withRequestId(reply: Reply, requestId: string): Reply {
  return { ...reply, headers: [...reply.headers, ['X-Request-Id', requestId]] };
}

const USER_AGENT_LENGTH_MAX = 256;

/** For keeping: bounded, and without characters that a terminal would obey. */
function printUserAgent(text: string): string | null {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '').slice(0, USER_AGENT_LENGTH_MAX);
  return plain === '' ? null : plain.toWellFormed();
}
