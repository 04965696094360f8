/**
 * GET /healthz: the process is alive. GET /readyz: it can take records and keep them; when not, what is not ready.
 *
 * Postgres being away is no reason to be unready while the journal has room and grants are believable: that is what
 * the journal is for. It is shown all the same.
 */
import type { Drain } from '../drain/drain.ts';
import type { Grants } from '../grants/resolve.ts';
import type { Reply, Route } from '../http/request.ts';
import type { Journal } from '../journal/journal.ts';

export interface HealthParts {
  readonly journal: Journal;
  readonly grants: Grants;
  readonly drain: Drain;
}

export interface HealthRoutes {
  readonly routes: readonly Route[];
  /** From now on /readyz answers 503: the gateway is stopping. */
  stopReadiness(): void;
}

type Check = { readonly isReady: boolean; readonly state: string };

export function createHealthRoutes(parts: HealthParts): HealthRoutes {
  let isStopping = false;

  function checkAll(): Readonly<Record<string, Check>> {
    const { failures, lastCause } = parts.drain.stats();
    return {
      gateway: isStopping ? notReady('stopping') : ready('running'),
      journal: checkJournal(parts.journal),
      grants: parts.grants.stats().isBelievable
        ? ready('believable')
        : notReady('cannot be confirmed: tokens get 503'),
      postgres: failures === 0 ? ready('takes rows') : ready(`does not take rows: ${lastCause ?? 'unknown'}`),
    };
  }

  return {
    routes: [
      { method: 'GET', path: '/healthz', bodyBytesMax: 0, handle: () => ALIVE },
      { method: 'GET', path: '/readyz', bodyBytesMax: 0, handle: () => replyReadiness(checkAll()) },
    ],
    stopReadiness() {
      isStopping = true;
    },
  };
}

const ALIVE: Reply = {
  status: '200 OK',
  headers: [['Content-Type', 'text/plain; charset=utf-8']],
  body: 'ok',
};

function checkJournal(journal: Journal): Check {
  const { state } = journal.stats();
  return state === 'open' ? ready('open') : notReady(state);
}

function ready(state: string): Check {
  return { isReady: true, state };
}

function notReady(state: string): Check {
  return { isReady: false, state };
}

function replyReadiness(checks: Readonly<Record<string, Check>>): Reply {
  const isReady = Object.values(checks).every((check) => check.isReady);
  const states = Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, check.state]));
  const unready = Object.keys(checks).filter((name) => checks[name]?.isReady === false);
  return {
    status: isReady ? '200 OK' : '503 Service Unavailable',
    headers: [['Content-Type', 'application/json']],
    body: `${JSON.stringify({ status: isReady ? 'ready' : 'not_ready', unready, checks: states })}\n`,
  };
}
