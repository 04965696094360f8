/**
 * A neighbour, in a process of its own: `node bench/neighbours/disturb.ts <Disturbance as JSON>` says `ready` when all its
 * connections stand and its first requests are answered, goes on until it is told to end (SIGTERM), and then says how many
 * of its requests were taken.
 */
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createToken } from '../../src/grants/token.ts';
import { startStream } from '../pacer/pacer.ts';

export interface Disturbance {
  readonly kind: 'requests' | 'unknown tokens' | 'idle connections' | 'slow bodies';
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly token: string;
  /** Of requests a second, or of connections. */
  readonly count: number;
}

const CONNECTIONS = 64;
/** The worst of the beginning is over: connections, and what a first request costs. */
const SETTLE_MS = 500;
/** So many connect at a time. */
const CONNECTING_MAX = 500;
const SLOW_WRITE_MS = 100;

const disturbance = JSON.parse(process.argv[2] ?? '{}') as Disturbance;
const stop = await begin(disturbance);
await sleep(SETTLE_MS);
process.stdout.write('ready\n');
process.once('SIGTERM', () => {
  process.stdout.write(`${stop()}\n`, () => process.exit(0));
});

async function begin({ kind, port, path, body, token, count }: Disturbance): Promise<() => number> {
  switch (kind) {
    case 'requests':
    case 'unknown tokens': {
      const bearer = kind === 'requests' ? token : randomToken;
      const load = { port, requestsPerSecond: count, connections: CONNECTIONS, path, body, token: bearer };
      const stream = startStream({ ...load, isPunctual: false });
      return () => stream.counts.accepted;
    }
    case 'idle connections':
      await crowd(port, count, () => undefined);
      return () => 0;
    case 'slow bodies':
      await crowd(port, count, (socket) => {
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\nContent-Length: 60000\r\n\r\n`,
        );
        const timer = setInterval(() => socket.write(' '), SLOW_WRITE_MS);
        socket.on('close', () => clearInterval(timer));
      });
      return () => 0;
  }
}

async function crowd(port: number, count: number, enter: (socket: Socket) => void): Promise<void> {
  for (let from = 0; from < count; from += CONNECTING_MAX) {
    const connecting = Array.from({ length: Math.min(CONNECTING_MAX, count - from) }, async () => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve));
      enter(socket);
    });
    await Promise.all(connecting);
  }
}

/** Well formed, so that only a look-up can tell. */
function randomToken(): string {
  return createToken(createHash('sha256').update(randomBytes(16)).digest());
}
