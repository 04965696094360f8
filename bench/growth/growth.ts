/**
 * How cost grows: with the requests of a second, the partitions of a table, the clients that send, the journal that waits
 * for Postgres, and the rows that are there already. Every curve has its own world; all together take about a quarter of an
 * hour at their full size.
 */
import { createParts, type PartTime } from '../parts.ts';
import { ensureProgram } from '../program.ts';
import { withWorld, type World } from '../world.ts';
import { growBacklog } from './backlog.ts';
import { growClients } from './clients.ts';
import type { Curve } from './curve.ts';
import { growPartitions } from './partitions.ts';
import { growRates } from './rates.ts';
import { growRows } from './rows.ts';

export interface GrowthValues {
  readonly rounds: number;
  /** Of one load. */
  readonly seconds: number;
  /** Requests a second. */
  readonly rateMax: number;
  readonly partitionsMax: number;
  readonly clientsMax: number;
  readonly backlogMibMax: number;
  readonly tableRowsMax: number;
  /** Written at one point in one round. */
  readonly rows: number;
}

export interface GrowthResult {
  readonly curves: readonly Curve[];
  readonly parts: readonly PartTime[];
}

const APPENDED_MIB = 16;
/** Each start reads all of the journal. */
const STARTS_MAX = 3;
const FILL_MS_MAX = 600_000;

/** `keep` is given the curves that are known, whenever one is. */
export async function benchGrowth(
  values: GrowthValues,
  tell: (line: string) => void,
  keep: (result: GrowthResult) => Promise<void>,
): Promise<GrowthResult> {
  ensureProgram('wrk', 'wrk');
  const { rounds, rows } = values;
  const parts = createParts<Curve>({
    tell,
    onPart: ({ found, times }) => keep({ curves: found, parts: times }),
  });
  const grow = (name: string, work: (world: World) => Promise<Curve>): Promise<void> =>
    parts.run(name, () => withWorld(work));
  await grow('rates', (world) => growRates(world, values, tell));
  await grow('partitions', (world) => growPartitions(world, values, tell));
  await grow('clients', (world) => growClients(world, values, tell));
  await grow('backlog', (world) =>
    growBacklog(world, { ...values, rounds: Math.min(rounds, STARTS_MAX), appendedMib: APPENDED_MIB }, tell),
  );
  await grow('rows', (world) => growRows(world, { ...values, rounds, rows, fillMsMax: FILL_MS_MAX }, tell));
  return { curves: parts.found, parts: parts.times };
}
