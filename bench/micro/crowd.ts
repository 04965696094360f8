/**
 * Many clients at once: does a request cost more when it may be one of a million's, and how much memory does a gateway take
 * when it knows a hundred thousand? The grants come from Redis, where an earlier gateway would have left them.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMeter } from '../../src/grants/limit.ts';
import { createRedisTier, type RedisTier } from '../../src/grants/redis.ts';
import type { Grant, SiteRole } from '../../src/grants/grant.ts';
import { hashToken } from '../../src/grants/token.ts';
import { startRedis, type RedisServer } from '../../test/setup/redis.ts';
import { ratioOf, runRounds, spreadOf } from '../rounds.ts';
import { findForm } from '../table/forms.ts';
import { forgetPeak, readCpuUs, readPeakMib, startVariant, type ServerProcess } from '../table/process.ts';
import { settle } from '../table/stored.ts';
import { shoot, writeRequests } from '../table/wrk.ts';
import { createSenders, type Senders, type World } from '../world.ts';
import type { Found } from './line.ts';

export interface Crowd {
  readonly redis: RedisServer;
  readonly namespace: string;
  readonly senders: Senders;
  readonly requestFile: string;
  readonly tokensFile: string;
  close(): Promise<void>;
}

const FILL_AT_ONCE = 5000;
const FEW = 4;

/** So many clients in Postgres, and their grants in Redis. */
export async function gatherCrowd(
  world: World,
  clients: number,
  tell: (line: string) => void,
): Promise<Crowd> {
  tell(`crowd: ${clients} clients`);
  const senders = await createSenders(world.sql, 'crowd.example.com', clients);
  const redis = await startRedis();
  const [instance] = await world.sql<{ id: string }[]>`SELECT id FROM instance`;
  const namespace = `sluice:${instance?.id}`;
  const tier = createRedisTier({ url: redis.url, namespace, timeoutMs: 10_000 }, { log: () => undefined });
  while (!tier.stats().isConnected) await sleep(10);
  // What was read before the end of the revocation log is not believed.
  const [log] = await world.sql<{ end: number }[]>`
    SELECT coalesce(max(seq), 0)::float8 AS "end" FROM revocation_log`;
  const sequence = log?.end ?? 0;
  for (let from = 0; from < clients; from += FILL_AT_ONCE) {
    await fillTier(tier, senders, sequence, from, Math.min(clients, from + FILL_AT_ONCE));
  }
  await tier.close();
  const requestFile = join(world.directory, 'crowd.requests');
  const tokensFile = join(world.directory, 'crowd.tokens');
  await writeRequests(requestFile, findForm('pageview').make(senders, 1, false));
  await writeFile(tokensFile, senders.tokens.map((token) => `${token}\n`).join(''));
  return { redis, namespace, senders, requestFile, tokensFile, close: () => redis.close() };
}

/** Waits for the last one: commands of one connection are answered in order. */
async function fillTier(
  tier: RedisTier,
  senders: Senders,
  sequence: number,
  from: number,
  to: number,
): Promise<void> {
  for (let index = from; index < to; index++) tier.fill(makeGrant(senders, index), sequence);
  if ((await tier.read(makeGrant(senders, to - 1).tokenHash)) === null)
    throw new Error('Redis does not keep the grants');
}

/** As Postgres would tell it. */
function makeGrant({ siteId, tokens, clientIds }: Senders, index: number): Grant {
  const roles: Grant['siteRoles'] = new Map<string, SiteRole>([[siteId, 'admin']]);
  return {
    clientId: clientIds[index] ?? '',
    tokenHash: hashToken(tokens[index] ?? ''),
    version: 1,
    expiresAtMs: Infinity,
    siteRoles: roles,
    currentRoles: roles,
    limits: null,
    meter: createMeter(),
    isVoid: false,
  };
}

export interface CrowdValues {
  readonly rounds: number;
  readonly seconds: number;
  /** Of the crowd, for the memory. */
  readonly cached: number;
}

export async function benchCrowd(
  world: World,
  crowd: Crowd,
  values: CrowdValues,
  tell: (line: string) => void,
): Promise<Found> {
  const memory = await withGateway(world, crowd, values.cached, async (gateway) => {
    tell(`crowd: ${values.cached} grants into memory`);
    await sendEach(world, crowd, gateway, values.cached);
    tell('crowd: saturation');
    await forgetPeak(gateway.pid);
    await sendTokens(world, crowd, gateway, FEW, values.seconds);
    return readPeakMib(gateway.pid);
  });
  const all = crowd.senders.tokens.length;
  const counts = { [`${FEW} clients`]: FEW, [`${all} clients`]: all };
  const cpuUs = await withGateway(world, crowd, all, async (gateway) => {
    tell(`crowd: ${all} grants into memory`);
    await sendEach(world, crowd, gateway, all);
    return runRounds(Object.keys(counts), values.rounds, async (name, round) => {
      tell(`crowd: ${name}, round ${round + 1} of ${values.rounds}`);
      const before = await readCpuUs(gateway.pid);
      const requests = await sendTokens(world, crowd, gateway, counts[name] ?? 0, values.seconds);
      return ((await readCpuUs(gateway.pid)) - before) / requests;
    });
  });
  return {
    figures: {
      memory: spreadOf([memory]),
      clients: ratioOf(cpuUs, `${all} clients`, `${FEW} clients`),
    },
    lines: Object.entries(cpuUs).map(([name, rounds]) => ({
      what: `CPU of a request from one of ${name}`,
      measured: spreadOf(rounds),
      unit: 'µs',
    })),
  };
}

async function withGateway<T>(
  world: World,
  crowd: Crowd,
  grantsMax: number,
  work: (gateway: ServerProcess) => Promise<T>,
): Promise<T> {
  const gateway = await startVariant('journal', {
    DATABASE_URL: world.postgres.url,
    REDIS_URL: crowd.redis.url,
    SLUICE_DATA_DIR: join(world.directory, `crowd-${grantsMax}`),
    SLUICE_GRANTS_MAX: String(grantsMax),
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
/** About so many grants come from Redis. */
const WARMED_PER_SECOND = 20_000;

/** One request from each of the first `clients`, so that their grants are in memory. */
async function sendEach(world: World, crowd: Crowd, gateway: ServerProcess, clients: number): Promise<void> {
  const seconds = Math.min(10, Math.ceil(clients / WARMED_PER_SECOND));
  for (let sent = 0; sent < clients;) sent += await sendTokens(world, crowd, gateway, clients, seconds, sent);
}

/** Requests from the first `count` in turn, for some time; returns how many. Not null, `from`: only to warm up. */
async function sendTokens(
  world: World,
  crowd: Crowd,
  gateway: ServerProcess,
  count: number,
  seconds: number,
  from: number | null = null,
): Promise<number> {
  const { port } = gateway;
  const load = await shoot({
    port,
    file: crowd.requestFile,
    connections: CONNECTIONS,
    seconds,
    tokens: { file: crowd.tokensFile, count, from: from ?? 0 },
    mayBeRefused: from !== null,
  });
  const form = findForm('pageview');
  const [marker] = form.make(crowd.senders, 1, false);
  if (marker !== undefined) await settle(world.sql, port, form, marker, from === null ? load.requests : 0);
  return load.requests;
}
