/**
 * Many clients at once: does a request cost more when it may be one of a million's, and how much memory does a gateway take
 * when it knows a hundred thousand? The grants come from Redis, where an earlier gateway would have left them.
 */
import { join } from 'node:path';
import { ratioOf, runRounds, spreadOf, type Measured } from '../rounds.ts';
import { findForm } from '../table/forms.ts';
import {
  WITH_METRICS,
  forgetPeak,
  readCpuUs,
  readMetric,
  readPeakMib,
  startVariant,
  type ServerProcess,
} from '../table/process.ts';
import { settle } from '../table/stored.ts';
import { shoot } from '../table/wrk.ts';
import type { World } from '../world.ts';
import type { Crowd } from './gather.ts';
import type { Found } from './line.ts';

export interface CrowdValues {
  readonly rounds: number;
  readonly seconds: number;
  /** Of the crowd, for the memory. */
  readonly cached: number;
}

const FEW = 4;

export async function benchCrowd(
  world: World,
  crowd: Crowd,
  values: CrowdValues,
  tell: (line: string) => void,
): Promise<Found> {
  const memory = await withGateway(world, crowd, values.cached, async (gateway) => {
    tell(`crowd: ${values.cached} grants into memory`);
    await warmUp(crowd, gateway, values.cached);
    tell('crowd: saturation');
    await forgetPeak(gateway.pid);
    await sendTokens(world, crowd, gateway, FEW, values.seconds);
    return readPeakMib(gateway.pid);
  });
  const all = crowd.senders.tokens.length;
  const cpuUs = await measureCounts(world, crowd, [FEW, all], values, tell);
  return {
    figures: {
      memory: spreadOf([memory]),
      clients: ratioOf(cpuUs, String(all), String(FEW)),
    },
    lines: Object.entries(cpuUs).map(([clients, rounds]) => ({
      what: `CPU of a request from one of ${clients} clients`,
      measured: spreadOf(rounds),
      unit: 'µs',
    })),
  };
}

/**
 * CPU of the gateway for one request, in µs, by how many clients take turns; all of the crowd is in its memory. A count
 * goes on in every round with the clients whose turn it is.
 */
export async function measureCounts(
  world: World,
  crowd: Crowd,
  counts: readonly number[],
  { rounds, seconds }: Pick<CrowdValues, 'rounds' | 'seconds'>,
  tell: (line: string) => void,
): Promise<Measured> {
  const all = crowd.senders.tokens.length;
  return withGateway(world, crowd, all, async (gateway) => {
    tell(`crowd: ${all} grants into memory`);
    await warmUp(crowd, gateway, all);
    const sent = new Map<string, number>();
    return runRounds(counts.map(String), rounds, async (clients, round) => {
      tell(`crowd: ${clients} clients, round ${round + 1} of ${rounds}`);
      const from = sent.get(clients) ?? 0;
      const before = await readCpuUs(gateway.pid);
      const requests = await sendTokens(world, crowd, gateway, Number(clients), seconds, from);
      sent.set(clients, from + requests);
      return ((await readCpuUs(gateway.pid)) - before) / requests;
    });
  });
}

async function withGateway<T>(
  world: World,
  crowd: Crowd,
  grantsMax: number,
  work: (gateway: ServerProcess) => Promise<T>,
): Promise<T> {
  const gateway = await startVariant('journal', {
    ...WITH_METRICS,
    DATABASE_URL: world.postgres.url,
    REDIS_URL: crowd.redis.url,
    SLUICE_DATA_DIR: join(world.directory, `crowd-${grantsMax}`),
    // No gateway is content with fewer.
    SLUICE_GRANTS_MAX: String(Math.max(GRANTS_MIN, grantsMax)),
    // On a busy machine Redis may be late, and Postgres must not have to tell of a whole crowd.
    SLUICE_REDIS_TIMEOUT: '2s',
  });
  try {
    return await work(gateway);
  } finally {
    await gateway.stop();
  }
}

const CONNECTIONS = 64;
const GRANTS_MIN = 100;
const WARM_UP_SECONDS_MAX = 60;
const WARM_UP_TURNS = 3;
/** A request that was under way when the others had been answered was not waited for. */
const WARM_SHARE = 0.999;

/**
 * The first `clients` each ask for something that is refused once the token is known, so that their grants are in memory,
 * and nothing is written. Throws when they are not after three minutes.
 */
async function warmUp(crowd: Crowd, { port }: ServerProcess, clients: number): Promise<void> {
  let cached = 0;
  let sent = 0;
  for (let turn = 0; turn < WARM_UP_TURNS && cached < WARM_SHARE * clients; turn++) {
    const { requests } = await shoot({
      port,
      file: crowd.knockFile,
      connections: CONNECTIONS,
      seconds: WARM_UP_SECONDS_MAX,
      requestsMax: clients,
      tokens: { file: crowd.tokensFile, count: clients, from: sent % clients },
      mayBeRefused: true,
    });
    sent += requests;
    cached = await readMetric(port, 'sluice_grants_cached{kind="good"}');
  }
  if (cached < WARM_SHARE * clients)
    throw new Error(`only ${cached} of ${clients} grants came into the gateway's memory`);
}

/** Requests from the first `count` in turn, beginning behind `from`, for some time; returns how many. */
async function sendTokens(
  world: World,
  crowd: Crowd,
  gateway: ServerProcess,
  count: number,
  seconds: number,
  from = 0,
): Promise<number> {
  const { port } = gateway;
  const load = await shoot({
    port,
    file: crowd.requestFile,
    connections: CONNECTIONS,
    seconds,
    tokens: { file: crowd.tokensFile, count, from: from % count },
  });
  const form = findForm('pageview');
  const [marker] = form.make(crowd.senders, 1, false);
  if (marker !== undefined) await settle(world.sql, port, form, marker, load.requests);
  return load.requests;
}
