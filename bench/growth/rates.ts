/**
 * What a single pageview costs by how many come in a second, evenly, over many connections: a write to the disk, a write to
 * Postgres and a turn of the event loop are shared by what comes at the same time, so that each costs less where there are
 * more. The gateway is kept to one core, and the load to the others; it is warm before a point is measured.
 */
import { pace } from '../pacer/pace.ts';
import { runRounds } from '../rounds.ts';
import { findForm } from '../table/forms.ts';
import { pin, readCpuUs } from '../table/process.ts';
import { openField, serverOf, type Field } from '../table/race.ts';
import { awaitStored, settle } from '../table/stored.ts';
import type { World } from '../world.ts';
import { lineOf, stepsTo, type Curve } from './curve.ts';

export interface RatesValues {
  readonly rounds: number;
  readonly seconds: number;
  /** Requests a second. */
  readonly rateMax: number;
}

const STEPS = [300, 1000, 3000, 10_000];
const CONNECTIONS = 64;
/** What runs first is not compiled yet. */
const WARM_UP_MS = 5000;

type Line = 'gatewayUs' | 'postgresUs' | 'p50Ms';

export async function growRates(
  world: World,
  { rounds, seconds, rateMax }: RatesValues,
  tell: (line: string) => void,
): Promise<Curve> {
  const field = await openField(world, ['journal']);
  const rates = stepsTo(rateMax, STEPS).map(String);
  const otherMeasured = {
    postgresUs: emptyMeasured(rates),
    p50Ms: emptyMeasured(rates),
  };
  try {
    tell('rates: warm-up');
    await load(world, field, rateMax, WARM_UP_MS);
    const gatewayUs = await runRounds(rates, rounds, async (rate, round) => {
      tell(`rates: ${rate} a second, round ${round + 1} of ${rounds}`);
      const point = await load(world, field, Number(rate), seconds * 1000);
      if (round >= 0) {
        otherMeasured.postgresUs[rate]?.push(point.postgresUs);
        otherMeasured.p50Ms[rate]?.push(point.p50Ms);
      }
      return point.gatewayUs;
    });
    return {
      name: 'rates',
      title: 'A single pageview, by how many come in a second',
      size: 'requests/s',
      lines: [
        lineOf('CPU of the gateway', 'µs', gatewayUs),
        lineOf('CPU of Postgres', 'µs', otherMeasured.postgresUs),
        lineOf('until its answer, median', 'ms', otherMeasured.p50Ms),
      ],
      remark: '',
    };
  } finally {
    await field.stop();
  }
}

function emptyMeasured(names: readonly string[]): Record<string, number[]> {
  return Object.fromEntries(names.map((name) => [name, []]));
}

/** CPU until the rows are in their table; /proc counts it by hundredths of a second. */
async function load(
  world: World,
  field: Field,
  requestsPerSecond: number,
  measuredMs: number,
): Promise<Readonly<Record<Line, number>>> {
  const form = findForm('pageview');
  const { port, pid } = serverOf(field, 'journal');
  const [request] = form.make(field.senders, 1, false);
  if (request === undefined) throw new Error('there is nothing to send');
  const readCpu = (): Promise<readonly [number, number]> =>
    Promise.all([readCpuUs(pid), readCpuUs(world.postgres.pid)]);
  const before = await readCpu();
  const { path, token, body } = request;
  const sent = { port, path, token, body: body.toString(), connections: CONNECTIONS, isPunctual: true };
  const result = await pace({ ...sent, requestsPerSecond, warmUpMs: 0, measuredMs }, pin('load'));
  if (result.refused > 0) throw new Error(`${result.refused} refused, or not answered`);
  await awaitStored(port, request);
  const after = await readCpu();
  await settle(world.sql, port, form, request, result.answered);
  return {
    gatewayUs: (after[0] - before[0]) / result.answered,
    postgresUs: (after[1] - before[1]) / result.answered,
    p50Ms: result.p50 / 1000,
  };
}
