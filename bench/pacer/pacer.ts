/**
 * Open-loop load over kept connections: requests are due at an even rate, whatever the answers do, and each is timed from
 * when it was due, not from when it could be sent. A server that stops for a moment is charged for every request that was
 * due meanwhile, and so is a sender that is late itself: `lateness` tells by how much it was. A request that finds no free
 * connection waits for one, in order, which is the server's doing; `waited` counts them.
 *
 * Histograms are Node's own, which is HdrHistogram: microseconds, three digits.
 */
import { connect, type Socket } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Stream {
  /** From now on every request carries this token. */
  use(token: string): void;
  /** When the last 202 to a request with this token came in; null: never. */
  lastAcceptedMs(token: string): number | null;
  readonly counts: Readonly<Counts>;
  /** Of every answer, in µs, from when its request was due. */
  readonly latencyUs: RecordableHistogram;
  /** Of every request, in µs: how much later than due the sender came to it, whether there was a free connection or not. */
  readonly latenessUs: RecordableHistogram;
  /** Nothing is due any more; resolves when all that was due is answered, or after `waitMs`. */
  finish(waitMs: number): Promise<void>;
  /** Cuts the connections. */
  stop(): void;
}

interface Counts {
  due: number;
  sent: number;
  accepted: number;
  refused: number;
  /** Were due when no connection was free. */
  waited: number;
}

export interface StreamValues {
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly connections: number;
  readonly path: string;
  readonly body: string;
  readonly token: string | (() => string);
  /** Stays awake to send on time. Otherwise what is due within a millisecond or two goes out together, at less cost. */
  readonly isPunctual: boolean;
}

/** A timer may be late by a millisecond: what is due sooner is waited for in the event loop, which stays awake. */
const TIMER_MS = 1;

export function startStream(values: StreamValues): Stream {
  const lastAccepted = new Map<string, number>();
  const counts: Counts = { due: 0, sent: 0, accepted: 0, refused: 0, waited: 0 };
  const latencyUs = createHistogram({ figures: 3 });
  const latenessUs = createHistogram({ figures: 3 });
  const free: Connection[] = [];
  const waitingMs: number[] = [];
  const intervalMs = 1000 / values.requestsPerSecond;
  let token = typeof values.token === 'string' ? values.token : values.token();
  let request = print(token);
  let startMs = performance.now();
  let nextWaiting = 0;
  let isOver = false;

  function print(bearer: string): string {
    return (
      `POST ${values.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${bearer}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(values.body)}\r\n\r\n${values.body}`
    );
  }

  function send(connection: Connection, dueMs: number): void {
    if (typeof values.token === 'function') {
      token = values.token();
      request = print(token);
    }
    connection.token = token;
    connection.dueMs = dueMs;
    counts.sent++;
    connection.socket.write(request);
  }

  function take(connection: Connection, answer: Buffer): void {
    const nowMs = performance.now();
    recordUs(latencyUs, nowMs - connection.dueMs);
    // 'HTTP/1.1 202': answers are small, and one arrives in one piece.
    if (answer.toString('latin1', 9, 12) === '202') {
      counts.accepted++;
      lastAccepted.set(connection.token, nowMs);
    } else counts.refused++;
    const dueMs = waitingMs[nextWaiting];
    if (dueMs === undefined) free.push(connection);
    else {
      nextWaiting++;
      send(connection, dueMs);
    }
  }

  /** Sends all that is due by now. */
  function catchUp(): void {
    if (isOver) return;
    const nowMs = performance.now();
    let dueMs = startMs + counts.due * intervalMs;
    for (; dueMs <= nowMs; dueMs = startMs + ++counts.due * intervalMs) {
      recordUs(latenessUs, performance.now() - dueMs);
      const connection = free.pop();
      if (connection !== undefined) send(connection, dueMs);
      else {
        counts.waited++;
        waitingMs.push(dueMs);
      }
    }
    if (!values.isPunctual) setTimeout(catchUp, TIMER_MS);
    else if (dueMs - nowMs > TIMER_MS) setTimeout(catchUp, dueMs - nowMs - TIMER_MS);
    else setImmediate(catchUp);
  }

  const connections = Array.from({ length: values.connections }, () => openConnection(values.port, take));
  void Promise.all(connections.map((connection) => connection.opened)).then(() => {
    free.push(...connections);
    startMs = performance.now();
    catchUp();
  });

  return {
    use(next) {
      token = next;
      request = print(next);
    },
    lastAcceptedMs: (wanted) => lastAccepted.get(wanted) ?? null,
    counts,
    latencyUs,
    latenessUs,
    async finish(waitMs) {
      isOver = true;
      const deadline = performance.now() + waitMs;
      while (counts.accepted + counts.refused < counts.due && performance.now() < deadline) await sleep(5);
    },
    stop() {
      isOver = true;
      for (const { socket } of connections) socket.destroy();
    },
  };
}

interface Connection {
  readonly socket: Socket;
  readonly opened: Promise<void>;
  /** Of the request under way. */
  token: string;
  dueMs: number;
}

function openConnection(port: number, take: (connection: Connection, answer: Buffer) => void): Connection {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const opened = new Promise<void>((resolve) => socket.once('connect', resolve));
  const connection = { socket, opened, token: '', dueMs: 0 };
  socket.on('error', () => undefined);
  socket.on('data', (answer) => take(connection, answer));
  return connection;
}

function recordUs(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)));
}
