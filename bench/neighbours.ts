/**
 * Does one sender's excess cost another? A good client sends evenly; beside it, in turn: nobody, a client at fifty times
 * its limit, a flood of random tokens, thousands of idle connections, hundreds of slow bodies. Ratios of the good client's
 * latency, round by round, to that when it is alone. Requests are timed from when they were due.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createToken } from '../src/grants/token.ts';
import { createDemoSite, startProcess, type GatewayProcess } from '../test/setup/gateway.ts';
import { startStream } from './pacer/pacer.ts';
import { ratioOf, runRounds, spreadOf, type Measured, type Spread } from './rounds.ts';
import { openWorld } from './world.ts';

const VARIANTS = ['alone', 'over its limit', 'unknown tokens', 'idle connections', 'slow bodies'] as const;
type Variant = (typeof VARIANTS)[number];

export interface NeighboursResult {
  readonly variant: Variant;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** To the same round's `alone`. */
  readonly p99Ratio: Spread;
  /** Resident size of the gateway in this variant, at most. */
  readonly gatewayMib: number;
  /** What the neighbour was answered with 202, in all rounds. */
  readonly neighbourAccepted: number;
  /** The good client's that had to wait for a free connection. */
  readonly waited: number;
}

const GOOD_PER_SECOND = 500;
const LIMIT_PER_SECOND = 100;
const EXCESS = 50;
const FLOOD_PER_SECOND = 2000;
const IDLE_CONNECTIONS = 5000;
const SLOW_BODIES = 500;
const ROUND_MS = 3000;
const PATH = '/api/ingest/server/pageview';

export async function benchNeighbours(
  values: { readonly rounds: number },
  tell: (line: string) => void,
): Promise<NeighboursResult[]> {
  const world = await openWorld();
  const { sql } = world;
  try {
    const good = await createDemoSite(sql, 'good.example.com');
    const greedy = await createDemoSite(sql, 'greedy.example.com');
    const limits = {
      requestsPerSecond: LIMIT_PER_SECOND,
      recordsPerSecond: null,
      bytesPerSecond: null,
      burstSeconds: 1,
    };
    await sql`
      UPDATE api_clients SET limits = ${JSON.stringify(limits)}::text::jsonb WHERE id = ${greedy.clientId}`;
    const gateway = await startProcess({
      DATABASE_URL: world.postgres.url,
      SLUICE_DATA_DIR: join(world.directory, 'data'),
      SLUICE_TRUSTED_PROXIES: '127.0.0.1/32',
    });
    try {
      return await measureAll(values.rounds, gateway, good.token, greedy.token, tell);
    } finally {
      await gateway.stop('SIGTERM');
    }
  } finally {
    await world.close();
  }
}

async function measureAll(
  rounds: number,
  gateway: GatewayProcess,
  goodToken: string,
  greedyToken: string,
  tell: (line: string) => void,
): Promise<NeighboursResult[]> {
  const p50: Record<string, number[]> = Object.fromEntries(VARIANTS.map((variant) => [variant, []]));
  const mib: Record<string, number> = {};
  const accepted: Record<string, number> = {};
  const waited: Record<string, number> = {};
  const measured: Measured = await runRounds(VARIANTS, rounds, async (variant, round) => {
    tell(`${variant}, round ${round + 1} of ${rounds}`);
    const neighbour = disturb(variant as Variant, gateway.port, greedyToken);
    await sleep(500);
    const stream = startStream({
      port: gateway.port,
      requestsPerSecond: GOOD_PER_SECOND,
      connections: 128,
      path: PATH,
      body: bodyOf('good.example.com'),
      token: goodToken,
    });
    await sleep(ROUND_MS);
    await stream.finish(ROUND_MS);
    stream.stop();
    mib[variant] = Math.max(mib[variant] ?? 0, await readMib(gateway.process.pid ?? 0));
    accepted[variant] = (accepted[variant] ?? 0) + neighbour.stop();
    if (stream.counts.refused > 0) throw new Error(`${variant}: the good client was refused`);
    waited[variant] = (waited[variant] ?? 0) + stream.counts.waited;
    if (round >= 0) p50[variant]?.push(stream.latencyUs.percentile(50) / 1000);
    await sleep(300);
    return stream.latencyUs.percentile(99) / 1000;
  });
  return VARIANTS.map((variant) => ({
    variant,
    p50Ms: spreadOf(p50[variant] ?? []),
    p99Ms: spreadOf(measured[variant] ?? []),
    p99Ratio: ratioOf(measured, variant, 'alone'),
    gatewayMib: mib[variant] ?? 0,
    neighbourAccepted: accepted[variant] ?? 0,
    waited: waited[variant] ?? 0,
  }));
}

/** `stop` says how many of its requests were taken. */
function disturb(variant: Variant, port: number, greedyToken: string): { stop(): number } {
  switch (variant) {
    case 'alone':
      return { stop: () => 0 };
    case 'over its limit':
      return load(port, EXCESS * LIMIT_PER_SECOND, greedyToken);
    case 'unknown tokens':
      return load(port, FLOOD_PER_SECOND, randomToken);
    case 'idle connections':
      return crowd(port, IDLE_CONNECTIONS, () => undefined);
    case 'slow bodies':
      return crowd(port, SLOW_BODIES, (socket) => {
        socket.write(
          `POST ${PATH} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${greedyToken}\r\nContent-Length: 60000\r\n\r\n`,
        );
        const timer = setInterval(() => socket.write(' '), 100);
        socket.on('close', () => clearInterval(timer));
      });
  }
}

function load(port: number, requestsPerSecond: number, token: string | (() => string)): { stop(): number } {
  const body = bodyOf('greedy.example.com');
  const stream = startStream({ port, requestsPerSecond, connections: 64, path: PATH, body, token });
  return {
    stop() {
      stream.stop();
      return stream.counts.accepted;
    },
  };
}

function crowd(port: number, count: number, begin: (socket: Socket) => void): { stop(): number } {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => begin(socket));
    socket.on('error', () => undefined);
    return socket;
  });
  return {
    stop() {
      for (const socket of sockets) socket.destroy();
      return 0;
    },
  };
}

/** Well formed, so that only a look-up can tell. */
function randomToken(): string {
  return createToken(createHash('sha256').update(randomBytes(16)).digest());
}

function bodyOf(domain: string): string {
  return JSON.stringify({
    url: `https://${domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '8.8.8.8',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  });
}

async function readMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8');
  return Math.round((Number(text.split(' ')[1]) * 4096) / 1024 / 1024);
}
