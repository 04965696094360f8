/**
 * Everybody else who calls at a gateway's door while its clients send: wrong tokens, wrong passwords, readers of metrics
 * and of the console, bodies that never end and bodies that are bombs. A few a second, so that whatever they leave
 * behind is there to see in the gateway's memory.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export interface Strangers {
  /** What they were answered, by what they did: 'a wrong token: 401'. */
  readonly answers: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

export const METRICS_TOKEN = 'a token of the torture';

const ROUND_MS = 500;
/** A sign-in every so many rounds: hashing a password is dear. */
const SIGN_IN_ROUNDS = 20;
const HALF_OPEN_MS = 3000;
const TIMEOUT_MS = 5000;
const BOMB = gzipSync(Buffer.alloc(32 * 1024 * 1024, ' '));

/** `token`: a good one, for what is looked at only behind it. */
export function startStrangers(ports: () => readonly number[], token: string): Strangers {
  const answers = new Map<string, number>();
  let isStopped = false;

  async function call(what: string, port: number, path: string, init: RequestInit = {}): Promise<void> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, signal }).then(
      async (reply) => {
        await reply.arrayBuffer();
        return String(reply.status);
      },
      () => 'no answer',
    );
    const name = `${what}: ${answer}`;
    answers.set(name, (answers.get(name) ?? 0) + 1);
  }

  async function comeBy(port: number, round: number): Promise<void> {
    const pageview = '/api/ingest/server/pageview';
    const headers = { authorization: `Bearer ${randomBytes(24).toString('base64url')}` };
    leaveHalf(port, pageview);
    await Promise.all([
      call('a wrong token', port, pageview, { method: 'POST', headers, body: '{}' }),
      call('a bomb', port, pageview, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-encoding': 'gzip' },
        body: BOMB,
      }),
      call('metrics', port, '/metrics', { headers: { authorization: `Bearer ${METRICS_TOKEN}` } }),
      call('the console', port, '/console'),
      call('nowhere', port, `/${randomBytes(8).toString('hex')}`),
      round % SIGN_IN_ROUNDS === 0 ? signIn(port) : undefined,
    ]);
  }

  function signIn(port: number): Promise<void> {
    const body = JSON.stringify({
      email: `${randomBytes(4).toString('hex')}@example.com`,
      password: 'wrong',
    });
    const headers = { 'content-type': 'application/json' };
    return call('a wrong password', port, '/api/auth/login', { method: 'POST', headers, body });
  }

  async function run(): Promise<void> {
    for (let round = 0; !isStopped; round++) {
      await Promise.all(ports().map((port) => comeBy(port, round)));
      await sleep(ROUND_MS);
    }
  }

  const running = run();
  return {
    answers,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** Says that it will send a thousand bytes, and sends ten. */
function leaveHalf(port: number, path: string): void {
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n0123456789`);
    setTimeout(() => socket.destroy(), HALF_OPEN_MS).unref();
  });
  socket.on('error', () => socket.destroy());
}
