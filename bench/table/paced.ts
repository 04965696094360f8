/**
 * Latency at 70 % of what a variant can take: in each round its limit is measured by wrk, then the pacer sends 70 % of that,
 * evenly, and times each request from when it was due.
 */
import { join } from 'node:path';
import type { PacedResult } from '../pacer/main.ts';
import { pace } from '../pacer/pace.ts';
import { runRounds, spreadOf, type Spread } from '../rounds.ts';
import type { World } from '../world.ts';
import { findForm } from './forms.ts';
import { pin } from './process.ts';
import { serverOf, type Field, type Variant } from './race.ts';
import { settle } from './stored.ts';
import type { Figures } from './targets.ts';
import { shoot, writeRequests } from './wrk.ts';

export interface PacedSpeed {
  readonly name: string;
  readonly requestsPerSecond: Spread;
  /** In ms. */
  readonly p50: Spread;
  readonly p90: Spread;
  readonly p99: Spread;
  readonly p999: Spread;
  /** Of what the sender itself was late. */
  readonly latenessP99: Spread;
}

export interface PacedValuesOfBench {
  readonly rounds: number;
  readonly measuredMs: number;
  /** Not more than this, whatever the variant can take. */
  readonly requestsPerSecondMax: number;
}

const LOAD_SHARE = 0.7;
const LIMIT_SECONDS = 1;
const WARM_UP_MS = 1500;
const CONNECTIONS = 256;

export async function measureLatency(
  world: World,
  field: Field,
  variants: readonly Variant[],
  values: PacedValuesOfBench,
  tell: (line: string) => void,
): Promise<{ readonly figures: Figures; readonly speeds: readonly PacedSpeed[] }> {
  const form = findForm('pageview');
  const [request] = form.make(field.senders, 1, false);
  if (request === undefined) throw new Error('there is nothing to send');
  const file = join(world.directory, 'paced.requests');
  await writeRequests(file, form.make(field.senders, 64, false));
  const found: Record<string, (PacedResult & { readonly rate: number })[]> = {};
  await runRounds(variants, values.rounds, async (variant, round) => {
    tell(`${variant} at ${100 * LOAD_SHARE} %: round ${round + 1} of ${values.rounds}`);
    const { port } = serverOf(field, variant as Variant);
    const { requestsPerSecond: limit } = await shoot({
      port,
      file,
      connections: CONNECTIONS,
      seconds: LIMIT_SECONDS,
    });
    const rate = Math.round(Math.min(values.requestsPerSecondMax, limit * LOAD_SHARE));
    const result = await pace(
      {
        port,
        requestsPerSecond: rate,
        connections: CONNECTIONS,
        path: request.path,
        body: request.body.toString(),
        token: request.token,
        isPunctual: true,
        warmUpMs: WARM_UP_MS,
        measuredMs: values.measuredMs,
      },
      pin('load'),
    );
    if (result.refused > 0) throw new Error(`${variant}: ${result.refused} refused, or not answered`);
    if (round >= 0) (found[variant] ??= []).push({ ...result, rate });
    if (!HOLDING.has(variant)) await settle(world.sql, port, form, request, result.answered);
    return result.p99;
  });
  const tails = (found['journal'] ?? []).map(({ p50, p99 }) => p99 / p50);
  return {
    figures: tails.length === 0 ? {} : { tail: spreadOf(tails) },
    speeds: variants.map((variant) => describe(variant, found[variant] ?? [])),
  };
}

const HOLDING: ReadonlySet<string> = new Set<Variant>(['node:http', 'fastify', 'bare']);

function describe(name: string, rounds: readonly (PacedResult & { readonly rate: number })[]): PacedSpeed {
  const ms = (key: 'p50' | 'p90' | 'p99' | 'p999' | 'latenessP99'): Spread =>
    spreadOf(rounds.map((round) => round[key] / 1000));
  return {
    name,
    requestsPerSecond: spreadOf(rounds.map(({ rate }) => rate)),
    p50: ms('p50'),
    p90: ms('p90'),
    p99: ms('p99'),
    p999: ms('p999'),
    latenessP99: ms('latenessP99'),
  };
}
