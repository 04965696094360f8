/**
 * Listens, routes, and stops. Only this room knows uWebSockets.js; everybody else sees plain requests and replies.
 *
 * The library's own limits stand: 4 KiB and 100 headers, a connection idle for 10 s or slower than 16 kB/s is cut.
 */
import {
  App,
  us_listen_socket_close,
  us_socket_local_port,
  type TemplatedApp,
  type us_listen_socket,
} from 'uWebSockets.js';
import { createAnswerCounts, type AnswerCounts } from './exchange/answer-counts.ts';
import {
  createExchanges,
  type ExchangeDeps,
  type Exchanges,
  type ExchangeStats,
  type ExchangeValues,
} from './exchange/exchange.ts';
import { createProblem } from './problem.ts';
import type { Method, Reply, Route } from './request.ts';

export interface ServerValues extends ExchangeValues {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly connectionsMax: number;
  /** Other processes of this gateway listen on the port as well, and the kernel gives each its part of the connections. */
  readonly isPortShared: boolean;
}

export interface ServerDeps extends ExchangeDeps {
  readonly routes: readonly Route[];
}

export interface Server {
  readonly port: number;
  stats(): ServerStats;
  /** Every answer from now on closes its connection. */
  closeAfterAnswers(): void;
  /** No new connections either. */
  stopListening(): void;
  /** Resolves when nothing has been in flight for a while, or after `timeoutMs`. */
  settle(timeoutMs: number): Promise<'settled' | 'late'>;
  /** Cuts every connection. A second call does nothing. */
  close(): void;
}

export interface ServerStats extends ExchangeStats {
  readonly connections: number;
  /** Closed as soon as they were open: there were too many. */
  readonly connectionsRefused: number;
  readonly answers: readonly RouteAnswers[];
  /** What came to a path or method that no route has. */
  readonly astray: Readonly<AnswerCounts>;
}

export interface RouteAnswers extends Pick<Route, 'method' | 'path'> {
  /** By the first digit of the status; [0]: the sender was gone before. */
  readonly byClass: Readonly<AnswerCounts>;
}

/** LIBUS_LISTEN_DEFAULT: SO_REUSEPORT, except for port 0. */
const SHARED_PORT = 0;
/** LIBUS_LISTEN_EXCLUSIVE_PORT. Without it a second gateway would share the port, and nobody would notice. */
const EXCLUSIVE_PORT = 1;

const METHODS = { GET: 'get', POST: 'post', PUT: 'put', DELETE: 'del' } as const satisfies Record<
  Method,
  keyof TemplatedApp
>;

/** The library takes host, port and flags together; its types do not say so. */
type ListenWithFlags = (
  host: string,
  port: number,
  flags: number,
  done: (socket: us_listen_socket | false) => void,
) => void;

/** Throws one sentence when the port is taken. */
export function startServer(values: ServerValues, deps: ServerDeps): Promise<Server> {
  let connections = 0;
  let connectionsRefused = 0;
  const exchanges = createExchanges(values, deps);
  const app = App();
  app.filter((response, count) => {
    connections += count;
    if (count < 0 || connections <= values.connectionsMax) return;
    connectionsRefused++;
    response.close();
  });
  const answers = deps.routes.map(({ method, path }) => ({ method, path, byClass: createAnswerCounts() }));
  for (const [index, route] of deps.routes.entries()) {
    const serve = exchanges.serve(route, answers[index]?.byClass ?? createAnswerCounts());
    app[METHODS[route.method]](route.path, serve);
  }
  const astray = createAnswerCounts();
  for (const [path, methods] of groupByPath(deps.routes)) {
    const reply = refuseMethod(methods);
    app.any(path, (response, request) => exchanges.refuse(reply, astray, response, request));
  }
  const unknown = refusePath();
  app.any('/*', (response, request) => exchanges.refuse(unknown, astray, response, request));

  return new Promise((resolve, reject) => {
    const listen = app.listen.bind(app) as unknown as ListenWithFlags;
    listen(values.host, values.port, values.isPortShared ? SHARED_PORT : EXCLUSIVE_PORT, (socket) => {
      if (socket !== false) {
        resolve(
          describeServer(app, socket, exchanges, () => ({
            connections,
            connectionsRefused,
            answers,
            astray,
          })),
        );
        return;
      }
      const where = `${values.host}:${values.port}`;
      reject(
        new Error(
          `Cannot listen on ${where}: another process has the port. Stop it, or choose another by PORT or SLUICE_ADMIN_PORT.`,
        ),
      );
    });
  });
}

function describeServer(
  app: TemplatedApp,
  socket: us_listen_socket,
  exchanges: Exchanges,
  countMore: () => Omit<ServerStats, keyof ExchangeStats>,
): Server {
  let isListening = true;
  let isClosed = false;
  return {
    port: us_socket_local_port(socket),
    stats: () => ({ ...countMore(), ...exchanges.stats() }),
    closeAfterAnswers: () => exchanges.closeAfterAnswers(),
    stopListening() {
      if (!isListening) return;
      isListening = false;
      exchanges.closeAfterAnswers();
      us_listen_socket_close(socket);
    },
    settle: (timeoutMs) => exchanges.settle(timeoutMs),
    close() {
      if (isClosed) return;
      isClosed = true;
      app.close();
    },
  };
}

function refuseMethod(methods: readonly string[]): Reply {
  const allow = methods.join(', ');
  return createProblem('method_not_allowed', {
    detail: `Use ${allow} on this path.`,
    headers: [['Allow', allow]],
  });
}

function refusePath(): Reply {
  return createProblem('path_unknown', {
    detail: 'Check the path: it is case-sensitive and has no slash at its end.',
  });
}

function groupByPath(routes: readonly Route[]): Map<string, string[]> {
  const paths = new Map<string, string[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route.method]);
  return paths;
}
