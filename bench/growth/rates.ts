/**
 * What a single pageview costs by how many come in a second, evenly, over many connections: a write to the disk, a write to
 * Postgres and a turn of the event loop are shared by what comes at the same time, so that each costs less where there are
 * more. The gateway is kept to one core, and the load to the others; it is warm before a point is measured.
 */
import { pace } from '../pacer/pace.ts';
import { runRounds } from '../rounds.ts';
import { findForm } from '../table/forms.ts';
import { pin } from '../table/process.ts';
import { openField, readCpu, serverOf, type Field } from '../table/race.ts';
import { awaitStored, emptyTables } from '../table/stored.ts';
import type { World } from '../world.ts';
import { lineOf, stepsTo, type Curve, type CurveLine } from './curve.ts';

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

interface Point {
  readonly gatewayUs: number;
  readonly postgresUs: number;
  readonly p50Ms: number;
}

export async function growRates(
  world: World,
  { rounds, seconds, rateMax }: RatesValues,
  tell: (line: string) => void,
): Promise<Curve> {
  const field = await openField(world, ['journal']);
  const found: Record<string, Point[]> = {};
  try {
    tell('rates: warm-up');
    await load(world, field, rateMax, WARM_UP_MS);
    await runRounds(stepsTo(rateMax, STEPS).map(String), rounds, async (rate, round) => {
      tell(`rates: ${rate} a second, round ${round + 1} of ${rounds}`);
      const point = await load(world, field, Number(rate), seconds * 1000);
      if (round >= 0) (found[rate] ??= []).push(point);
      return point.gatewayUs;
    });
  } finally {
    await field.stop();
  }
  const line = (what: string, unit: string, key: keyof Point): CurveLine =>
    lineOf(
      what,
      unit,
      Object.fromEntries(
        Object.entries(found).map(([rate, points]) => [rate, points.map((one) => one[key])]),
      ),
    );
  return {
    name: 'rates',
    title: 'A single pageview, by how many come in a second',
    size: 'requests/s',
    lines: [
      line('CPU of the gateway', 'µs', 'gatewayUs'),
      line('CPU of Postgres', 'µs', 'postgresUs'),
      line('until its answer, median', 'ms', 'p50Ms'),
    ],
    remark: '',
  };
}

/** CPU until the rows are in their table; /proc counts it by hundredths of a second. */
async function load(
  world: World,
  field: Field,
  requestsPerSecond: number,
  measuredMs: number,
): Promise<Point> {
  const form = findForm('pageview');
  const server = serverOf(field, 'journal');
  const { port } = server;
  const [request] = form.make(field.senders, 1, false);
  if (request === undefined) throw new Error('there is nothing to send');
  const { path, token, body } = request;
  const sent = { port, path, token, body: body.toString(), connections: CONNECTIONS, isPunctual: true };
  const [gatewayBefore, postgresBefore] = await readCpu(world, server);
  const result = await pace({ ...sent, requestsPerSecond, warmUpMs: 0, measuredMs }, pin('load'));
  if (result.refused > 0) throw new Error(`${result.refused} refused, or not answered`);
  await awaitStored(port, request);
  const [gatewayAfter, postgresAfter] = await readCpu(world, server);
  await emptyTables(world.sql, form, result.answered);
  return {
    gatewayUs: (gatewayAfter - gatewayBefore) / result.answered,
    postgresUs: (postgresAfter - postgresBefore) / result.answered,
    p50Ms: result.p50 / 1000,
  };
}
