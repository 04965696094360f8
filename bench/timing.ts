/**
 * What does the time of an answer tell of the token that was sent? Tokens of every class, one request at a time on one
 * connection, every class once in each of many rounds, in random order. Two classes are compared by ranks: how often an
 * answer of the one took longer than an answer of the other, 0.5 when they cannot be told apart. Ranks of interleaved
 * requests do not depend on how fast or how busy the machine is.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { revokeById } from '../src/cli/admin/client.ts';
import { changeAs } from '../src/cli/admin/author.ts';
import { createToken } from '../src/grants/token.ts';
import type { Sql } from '../src/store/connect.ts';
import { createDemoSite, startProcess } from '../test/setup/gateway.ts';
import { withWorld } from './world.ts';

export interface TimingResult {
  readonly requests: number;
  /** longer[one][other]: how often an answer to `one` took longer than an answer to `other`. */
  readonly longer: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Further from 0.5 than this, one can tell by looking at a few answers. */
export const TELLING = 0.1;

type TokenSource = () => string;

export async function benchTiming(
  values: { readonly requests: number },
  tell: (line: string) => void,
): Promise<TimingResult> {
  return withWorld(async (world) => {
    const { directory, postgres, sql } = world;
    const classes = await makeClasses(sql);
    const gateway = await startProcess({
      DATABASE_URL: postgres.url,
      SLUICE_DATA_DIR: join(directory, 'data'),
      SLUICE_UNKNOWN_TOKENS: '0',
    });
    try {
      const times = await measure(gateway.port, classes, values.requests, tell);
      return { requests: values.requests, longer: compareAll(times) };
    } finally {
      await gateway.stop('SIGTERM');
    }
  });
}

async function makeClasses(sql: Sql): Promise<Readonly<Record<string, TokenSource>>> {
  const soon = new Date(Date.now() + 500);
  const good = await createDemoSite(sql, 'good.example.com');
  const expired = await createDemoSite(sql, 'expired.example.com', 'admin', soon);
  const revoked = await createDemoSite(sql, 'revoked.example.com');
  await changeAs(sql, 'bench', (change) => revokeById(change, revoked.clientId));
  await sleep(500);
  const again = createToken(randomBytes(32));
  const last = good.token.endsWith('0') ? '1' : '0';
  return {
    good: () => good.token,
    'bad checksum': () => good.token.slice(0, -1) + last,
    revoked: () => revoked.token,
    expired: () => expired.token,
    'unknown, again': () => again,
    'unknown, new': () => createToken(randomBytes(32)),
    'unknown, new, much like a good one': () => createToken(drawNear(good.token)),
  };
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The 256 bits of a token, but for other ones in the last 32. */
function drawNear(token: string): Buffer {
  let number = 0n;
  for (const digit of token.slice(4, 4 + 43)) number = number * 62n + BigInt(DIGITS.indexOf(digit));
  const bytes = Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
  randomBytes(4).copy(bytes, 28);
  return bytes;
}

async function measure(
  port: number,
  classes: Readonly<Record<string, TokenSource>>,
  requests: number,
  tell: (line: string) => void,
): Promise<Readonly<Record<string, number[]>>> {
  const names = Object.keys(classes);
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  for (let round = -Math.ceil(requests / 10); round < requests; round++) {
    if (round % 500 === 0) tell(`timing: round ${round} of ${requests}`);
    for (const name of shuffle(names)) {
      const elapsedMs = await ask(socket, classes[name]?.() ?? '');
      // The first rounds warm up.
      if (round >= 0) times[name]?.push(elapsedMs);
    }
  }
  socket.destroy();
  return times;
}

/** An empty batch: nothing is written, so that the answer waits for the token alone. */
function ask(socket: Socket, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAtMs = performance.now();
    socket.once('data', () => resolve(performance.now() - startedAtMs));
    socket.once('close', () => reject(new Error('the gateway has closed the connection')));
    socket.write(
      `POST /api/ingest/server/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 2\r\n\r\n[]`,
    );
  }).finally(() => socket.removeAllListeners('close')) as Promise<number>;
}

function shuffle(names: readonly string[]): readonly string[] {
  return names
    .map((name) => ({ name, at: Math.random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ name }) => name);
}

/** Each pair once. */
function compareAll(times: Readonly<Record<string, number[]>>): TimingResult['longer'] {
  const classes = Object.entries(times);
  const rows = classes.slice(1).map(([one, own], index) => {
    const others = classes.slice(0, index + 1);
    return [one, Object.fromEntries(others.map(([other, theirs]) => [other, shareLonger(own, theirs)]))];
  });
  return Object.fromEntries(rows) as TimingResult['longer'];
}

/** The share of pairs in which the first is greater (Mann and Whitney). */
function shareLonger(own: readonly number[], theirs: readonly number[]): number {
  const sorted = theirs.toSorted((one, other) => one - other);
  const below = (value: number): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] ?? Infinity) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const sum = own.reduce((total, value) => total + below(value), 0);
  return sum / (own.length * theirs.length);
}
