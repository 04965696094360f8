/**
 * Does one sender's excess cost another? A good client sends evenly; beside it, in turn: nobody, a client at fifty times
 * its limit, a flood of random tokens, thousands of idle connections, hundreds of slow bodies. Ratios of the good client's
 * latency, round by round, to that when it is alone. Requests are timed from when they were due.
 *
 * The good client and the neighbour are processes of their own, on the cores that the gateway is not pinned to, and the
 * neighbour is the one that waits when there are not enough: what is measured is what it costs at the gateway.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDemoSite, startProcess, type GatewayProcess } from '../../test/setup/gateway.ts';
import { pace } from '../pacer/pace.ts';
import { ratioOf, runRounds, spreadOf, type Measured, type Spread } from '../rounds.ts';
import { pin } from '../table/process.ts';
import { withWorld } from '../world.ts';
import type { Disturbance } from './disturb.ts';

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
  /** Of what the good client's sender itself was late. */
  readonly latenessP99Ms: Spread;
}

const GOOD_PER_SECOND = 500;
const LIMIT_PER_SECOND = 100;
const EXCESS = 50;
const FLOOD_PER_SECOND = 2000;
const IDLE_CONNECTIONS = 5000;
const SLOW_BODIES = 500;
const CONNECTIONS = 128;
const WARM_UP_MS = 500;
const ROUND_MS = 3000;
const DISTURB = join(import.meta.dirname, 'disturb.ts');
const PATH = '/api/ingest/server/pageview';

export async function benchNeighbours(
  values: { readonly rounds: number },
  tell: (line: string) => void,
): Promise<NeighboursResult[]> {
  return withWorld(async (world) => {
    const { sql } = world;
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
  });
}

async function measureAll(
  rounds: number,
  gateway: GatewayProcess,
  goodToken: string,
  greedyToken: string,
  tell: (line: string) => void,
): Promise<NeighboursResult[]> {
  const p50: Record<string, number[]> = Object.fromEntries(VARIANTS.map((variant) => [variant, []]));
  const late: Record<string, number[]> = Object.fromEntries(VARIANTS.map((variant) => [variant, []]));
  const mib: Record<string, number> = {};
  const accepted: Record<string, number> = {};
  const measured: Measured = await runRounds(VARIANTS, rounds, async (variant, round) => {
    tell(`${variant}, round ${round + 1} of ${rounds}`);
    const disturbance = disturbances(gateway.port, greedyToken)[variant as Variant];
    const neighbour = disturbance === null ? null : await startNeighbour(disturbance);
    const result = await pace(
      {
        port: gateway.port,
        requestsPerSecond: GOOD_PER_SECOND,
        connections: CONNECTIONS,
        path: PATH,
        body: bodyOf('good.example.com'),
        token: goodToken,
        isPunctual: true,
        warmUpMs: WARM_UP_MS,
        measuredMs: ROUND_MS,
      },
      pin('load'),
    );
    mib[variant] = Math.max(mib[variant] ?? 0, await readMib(gateway.process.pid ?? 0));
    accepted[variant] = (accepted[variant] ?? 0) + ((await neighbour?.stop()) ?? 0);
    if (result.refused > 0) throw new Error(`${variant}: the good client was refused`);
    if (round >= 0) {
      p50[variant]?.push(result.p50 / 1000);
      late[variant]?.push(result.latenessP99 / 1000);
    }
    await sleep(300);
    return result.p99 / 1000;
  });
  return VARIANTS.map((variant) => ({
    variant,
    p50Ms: spreadOf(p50[variant] ?? []),
    p99Ms: spreadOf(measured[variant] ?? []),
    p99Ratio: ratioOf(measured, variant, 'alone'),
    gatewayMib: mib[variant] ?? 0,
    neighbourAccepted: accepted[variant] ?? 0,
    latenessP99Ms: spreadOf(late[variant] ?? []),
  }));
}

function disturbances(port: number, token: string): Readonly<Record<Variant, Disturbance | null>> {
  const base = { port, path: PATH, body: bodyOf('greedy.example.com'), token };
  return {
    alone: null,
    'over its limit': { ...base, kind: 'requests', count: EXCESS * LIMIT_PER_SECOND },
    'unknown tokens': { ...base, kind: 'unknown tokens', count: FLOOD_PER_SECOND },
    'idle connections': { ...base, kind: 'idle connections', count: IDLE_CONNECTIONS },
    'slow bodies': { ...base, kind: 'slow bodies', count: SLOW_BODIES },
  };
}

interface Neighbour {
  /** How many of its requests were taken. */
  stop(): Promise<number>;
}

async function startNeighbour(disturbance: Disturbance): Promise<Neighbour> {
  const words = [...pin('load'), 'nice', '-n', '19', process.execPath, DISTURB, JSON.stringify(disturbance)];
  const child: ChildProcess = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('the neighbour cannot be heard');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.value !== 'ready') throw new Error(`the neighbour of kind '${disturbance.kind}' has ended`);
  return {
    async stop() {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const taken = await lines.next();
      await ended;
      return Number(taken.value);
    },
  };
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
