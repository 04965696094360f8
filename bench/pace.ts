/**
 * A paced stream of one request over kept connections: so many a second, whatever the answers do; a request that finds
 * no free connection is not sent, and counted. Notes the time of the last 202 for every token that was sent.
 */
import { connect, type Socket } from 'node:net';

export interface Stream {
  /** From now on every request carries this token. */
  use(token: string): void;
  /** When the last 202 to a request with this token came in; null: never. */
  lastAcceptedMs(token: string): number | null;
  readonly counts: { sent: number; accepted: number; refused: number; skipped: number };
  /** Of every answer, in ms, from when its request was due: what a sender would have waited. */
  readonly latenciesMs: readonly number[];
  stop(): void;
}

export interface StreamValues {
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly connections: number;
  readonly path: string;
  readonly body: string;
  readonly token: string | (() => string);
}

const TICK_MS = 2;

export function startStream(values: StreamValues): Stream {
  const lastAccepted = new Map<string, number>();
  const counts = { sent: 0, accepted: 0, refused: 0, skipped: 0 };
  const free: Socket[] = [];
  const sockets: Socket[] = [];
  const asked = new Map<Socket, string>();
  const latenciesMs: number[] = [];
  const dueMs = new Map<Socket, number>();
  const intervalMs = 1000 / values.requestsPerSecond;
  let token = typeof values.token === 'string' ? values.token : values.token();
  let request = print(token);
  let nextMs = performance.now();

  function print(bearer: string): string {
    return (
      `POST ${values.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${bearer}\r\n` +
      `Content-Length: ${Buffer.byteLength(values.body)}\r\n\r\n${values.body}`
    );
  }

  for (let index = 0; index < values.connections; index++) {
    const socket = connect({ port: values.port, host: '127.0.0.1', noDelay: true });
    sockets.push(socket);
    socket.on('connect', () => free.push(socket));
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      // Answers are small: one arrives in one piece.
      latenciesMs.push(performance.now() - (dueMs.get(socket) ?? 0));
      const sentToken = asked.get(socket) ?? '';
      if (data.includes(' 202 ')) {
        counts.accepted++;
        lastAccepted.set(sentToken, performance.now());
      } else counts.refused++;
      free.push(socket);
    });
  }

  const timer = setInterval(() => {
    const nowMs = performance.now();
    for (; nextMs <= nowMs; nextMs += intervalMs) {
      const socket = free.pop();
      if (socket === undefined) {
        counts.skipped++;
        continue;
      }
      if (typeof values.token === 'function') {
        token = values.token();
        request = print(token);
      }
      asked.set(socket, token);
      dueMs.set(socket, nextMs);
      counts.sent++;
      socket.write(request);
    }
  }, TICK_MS);

  return {
    use(next) {
      token = next;
      request = print(next);
    },
    lastAcceptedMs: (wanted) => lastAccepted.get(wanted) ?? null,
    counts,
    latenciesMs,
    stop() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}
