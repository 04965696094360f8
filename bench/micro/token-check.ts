/**
 * What it costs to check a token, from the header to the grant, by where the answer is found: in this process (hash
 * included), in Redis, in Postgres; and for a token that is known to be none. In this process the cost is CPU, read by
 * the thousand; beyond it is what a request waits, one at a time.
 */
import { randomBytes } from 'node:crypto';
import { createRedisTier } from '../../src/grants/redis.ts';
import { createGrants, type Grants } from '../../src/grants/resolve.ts';
import { createToken, hashToken, readCredential } from '../../src/grants/token.ts';
import { ratioOf, runRounds, spreadOf } from '../rounds.ts';
import { connectBench, type World } from '../world.ts';
import type { Crowd } from './gather.ts';
import type { Found, Line } from './line.ts';

export interface TokenValues {
  readonly rounds: number;
  /** In memory, in one round. */
  readonly checks: number;
  /** Beyond memory, in one round. */
  readonly lookups: number;
}

const FEW = 4;
const HASH = 'its SHA-256 alone';
const UNKNOWN = 100;
const AT_ONCE = 1000;

export async function benchTokens(
  world: World,
  crowd: Crowd,
  values: TokenValues,
  tell: (line: string) => void,
): Promise<Found> {
  const { tokens } = crowd.senders;
  const { grants, close } = await openGrants(world, crowd, tokens.length);
  try {
    const all = tokens.length;
    tell(`tokens: ${all} grants into memory`);
    await resolveEach(grants, tokens);
    const ways: Readonly<Record<string, () => Promise<number>>> = {
      [`memory, ${FEW} clients`]: async () => check(grants, tokens.slice(0, FEW), 'granted', values.checks),
      [`memory, ${all} clients`]: async () => check(grants, shuffle(tokens), 'granted', values.checks),
      'known to be none': async () => {
        // Others every time: they are known for some seconds only.
        const unknown = Array.from({ length: UNKNOWN }, () => createToken(randomBytes(32)));
        await resolveEach(grants, unknown);
        return check(grants, unknown, 'denied', Math.min(values.checks, 100_000));
      },
      [HASH]: async () => hashEach(tokens.slice(0, FEW), values.checks),
      Redis: async () =>
        lookUp(await openGrants(world, crowd, all), 'redisHits', shuffle(tokens), values.lookups),
      Postgres: async () =>
        lookUp(await openGrants(world, null, all), 'lookups', shuffle(tokens), values.lookups),
    };
    const measured = await runRounds(Object.keys(ways), values.rounds, async (way, round) => {
      tell(`tokens: ${way}, round ${round + 1} of ${values.rounds}`);
      return (await ways[way]?.()) ?? NaN;
    });
    const lines: readonly Line[] = Object.entries(measured).map(([way, us]) => ({
      what: `token check: ${way}`,
      measured: spreadOf(us),
      unit: 'µs',
    }));
    const few = `memory, ${FEW} clients`;
    const figures = { token: spreadOf(measured[few] ?? []), tokenToHash: ratioOf(measured, few, HASH) };
    return { figures, lines };
  } finally {
    await close();
  }
}

function check(
  grants: Grants,
  tokens: readonly string[],
  wanted: 'granted' | 'denied',
  checks: number,
): number {
  const headers = tokens.map((token) => `Bearer ${token}`);
  let right = 0;
  const us = cpuUs(() => {
    for (let index = 0; index < checks; index++) {
      const token = readCredential(headers[index % headers.length] ?? '', '') ?? '';
      if (grants.peek(token)?.kind === wanted) right++;
    }
  });
  if (right !== checks) throw new Error(`disqualified: ${checks - right} tokens were not ${wanted}`);
  return us / checks;
}

/** The hash in a check. */
function hashEach(tokens: readonly string[], checks: number): number {
  let length = 0;
  const us = cpuUs(() => {
    for (let index = 0; index < checks; index++)
      length += hashToken(tokens[index % tokens.length] ?? '').length;
  });
  if (length === 0) throw new Error('nothing was hashed');
  return us / checks;
}

/** Another process' turn on this core does not count. */
function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** What one request waits, in µs, with nobody else asking; `tier` is who must have answered, every time. */
async function lookUp(
  { grants, close }: { readonly grants: Grants; readonly close: () => Promise<void> },
  tier: 'redisHits' | 'lookups',
  tokens: readonly string[],
  lookups: number,
): Promise<number> {
  const startedAtMs = performance.now();
  for (const token of tokens.slice(0, lookups)) {
    const verdict = await grants.resolve(token);
    if (verdict.kind !== 'granted') throw new Error(`disqualified: a token is ${verdict.kind}`);
  }
  const asked = Math.min(lookups, tokens.length);
  const us = ((performance.now() - startedAtMs) * 1000) / asked;
  const answered = grants.stats()[tier];
  if (answered !== asked) throw new Error(`disqualified: ${answered} of ${asked} answers came from there`);
  await close();
  return us;
}

/** What is in doubt, on a busy machine, is asked for again. */
async function resolveEach(grants: Grants, tokens: readonly string[]): Promise<void> {
  for (let from = 0; from < tokens.length; from += AT_ONCE) {
    let asked = tokens.slice(from, from + AT_ONCE);
    while (asked.length > 0) {
      await Promise.all(asked.map((token) => grants.resolve(token)));
      asked = asked.filter((token) => grants.peek(token) === null);
    }
  }
}

/** `crowd` null: without Redis. */
async function openGrants(world: World, crowd: Crowd | null, grantsMax: number) {
  const sql = connectBench(world.postgres.url, 4);
  const log = (): void => undefined;
  const redis =
    crowd === null
      ? null
      : createRedisTier({ url: crowd.redis.url, namespace: crowd.namespace, timeoutMs: 10_000 }, { log });
  // Without it, Redis would still be connecting at the first look-up.
  while (redis !== null && !redis.stats().isConnected) await new Promise(setImmediate);
  const values = { grantsMax, staleMaxMs: 600_000, pollMs: 1000, nodeName: 'bench' };
  const grants = await createGrants(values, { sql, redis, log });
  return {
    grants,
    close: async () => {
      await grants.close();
      await redis?.close();
      await sql.end({ timeout: 1 });
    },
  };
}

/** In another order, so that neighbours in the list are no neighbours in memory; the same order every time. */
function shuffle(tokens: readonly string[]): string[] {
  const step = 7919;
  return tokens.map((_, index) => tokens[(index * step) % tokens.length] ?? '');
}
