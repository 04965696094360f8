/** Load on a world in which something happens; then everything is mended, drained and compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startClients, type Clients, type ClientValues } from './clients.ts';
import type { Fault, Scene } from './fault.ts';
import type { Ledger } from './ledger.ts';
import { startMeter, type Usage } from './meter.ts';
import { compare, isKept, type Balance } from './oracle.ts';
import { createRandom } from './random.ts';
import { startFaults } from './scheduler.ts';
import { startStrangers, type Strangers } from './strangers.ts';
import type { World } from './world.ts';

export interface Result {
  readonly balance: Balance;
  readonly isKept: boolean;
  /** What was not as it should be, beside the balance. */
  readonly findings: readonly string[];
  readonly answers: Clients['answers'];
  readonly byForm: Clients['byForm'];
  /** What the gateways warned of, with the cause, and how often. */
  readonly warnings: ReadonlyMap<string, number>;
  readonly strangers: Strangers['answers'];
  readonly usage: readonly Usage[];
}

const DRAIN_TIMEOUT_MS = 600_000;

type Act = (scene: Omit<Scene, 'random'>, clients: Clients) => Promise<void>;

/** `act` leaves everything mended. The ledger may have earlier records of the same world. */
async function actUnderLoad(values: ClientValues, world: World, ledger: Ledger, act: Act): Promise<Result> {
  const findings: string[] = [];
  const earlier = countWarnings(world, new Map());
  const ports = (): readonly number[] =>
    world.gateways.map((gateway) => gateway.port()).filter((port) => port !== null);
  const clients = startClients(values, { ledger, site: world.site, ports });
  const strangers = startStrangers(ports, world.site.token);
  const meter = startMeter(world.gateways);
  const blame = (finding: string): void => void findings.push(finding);
  try {
    await act({ world, ledger, blame }, clients);
  } finally {
    await Promise.all([clients.stop(), strangers.stop(), meter.stop()]);
  }
  await Promise.all(world.gateways.map((gateway) => gateway.start()));
  await waitUntilStored(world, clients, DRAIN_TIMEOUT_MS);
  await waitUntilDrained(world);
  const balance = await world.postgres.ask((sql) => compare(sql, ledger));
  findings.push(...world.gateways.flatMap((gateway) => gateway.endings));
  return {
    balance,
    isKept: isKept(balance) && findings.length === 0,
    findings,
    answers: clients.answers,
    byForm: clients.byForm,
    warnings: countWarnings(world, earlier),
    strangers: strangers.answers,
    usage: meter.read(),
  };
}

/**
 * A journal is drained in order: when a new record is in Postgres, all before it are. A gateway that has taken one knows its
 * sender as well. False: not within `timeoutMs`.
 */
async function waitUntilStored(world: World, clients: Clients, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (const gateway of world.gateways) {
    for (;;) {
      const port = gateway.port();
      if (port !== null && (await clients.probe(port))) break;
      if (performance.now() > deadline) return false;
      await sleep(20);
    }
  }
  return true;
}

/** Of several processes a record tells of one alone. Nothing is sent any more. */
async function waitUntilDrained(world: World): Promise<void> {
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  for (const gateway of world.gateways)
    while (performance.now() < deadline && !(await gateway.isDrained())) await sleep(100);
}

/** By what was said and why; `earlier` are those that are not of interest any more. */
function countWarnings(world: World, earlier: ReadonlyMap<string, number>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of world.gateways.flatMap((gateway) => gateway.output().split('\n'))) {
    if (!/^\{"level":[45]0/.test(line)) continue;
    const { msg, cause, err } = JSON.parse(line) as {
      msg: string;
      cause?: string;
      err?: { message: string };
    };
    const why = cause ?? err?.message;
    const name = why === undefined ? msg : `${msg.split(';')[0]}: ${why.replaceAll(/:\d{4,5}\b/g, '')}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return new Map(Object.entries(subtract(counts, earlier)));
}

export interface TortureValues extends ClientValues {
  readonly seconds: number;
  readonly faults: readonly Fault[];
}

export interface Progress {
  readonly seconds: number;
  readonly sent: number;
  readonly promised: number;
  readonly faults: number;
  readonly waiting: number;
  readonly current: readonly string[];
}

/** All these faults, over and over, mixed, in an order that follows from the seed. */
export async function torture(
  values: TortureValues,
  world: World,
  ledger: Ledger,
  tell: (progress: Progress) => void,
): Promise<Result & { readonly injected: ReadonlyMap<string, number> }> {
  let injected: ReadonlyMap<string, number> = new Map();
  const result = await actUnderLoad(values, world, ledger, async (scene) => {
    const scheduler = startFaults(values.faults, values.seed, scene);
    ({ injected } = scheduler);
    const startedAtMs = performance.now();
    for (let second = 1; second <= values.seconds && !scheduler.hasFailed(); second++) {
      await sleep(startedAtMs + second * 1000 - performance.now());
      tell({
        seconds: second,
        ...ledger.stats(),
        faults: [...injected.values()].reduce((sum, times) => sum + times, 0),
        waiting: world.gateways.reduce((sum, gateway) => sum + gateway.waiting(), 0),
        current: [...scheduler.current],
      });
    }
    await scheduler.stop();
  });
  return { ...result, injected };
}

export interface Endured extends Result {
  /** Answers while the fault lasted. */
  readonly during: Readonly<Record<string, number>>;
  /** From the moment at which mending began until all that was promised before is in Postgres; null: not under the load. */
  readonly recoveryMs: number | null;
}

/** A machine that is busy with other things may never catch up under the load; it does once that is over. */
const CATCH_UP_MS_MAX = 15_000;
/** After every gateway has looked the token and the site up: until then a fault is seen by clients. */
const WARM_UP_MS = 700;

/** One fault, once, for so long. */
export async function endure(
  fault: Fault,
  holdMs: number,
  values: ClientValues,
  world: World,
  ledger: Ledger,
): Promise<Endured> {
  let during: Record<string, number> = {};
  let recoveryMs: number | null = null;
  const result = await actUnderLoad(values, world, ledger, async (scene, clients) => {
    await waitUntilStored(world, clients, CATCH_UP_MS_MAX);
    await sleep(WARM_UP_MS);
    const before = new Map(clients.answers);
    const mend = await fault.inject({ ...scene, random: createRandom(values.seed) });
    await sleep(holdMs);
    during = subtract(clients.answers, before);
    const mendedAtMs = performance.now();
    await mend();
    if (await waitUntilStored(world, clients, CATCH_UP_MS_MAX))
      recoveryMs = Math.round(performance.now() - mendedAtMs);
  });
  return { ...result, during, recoveryMs };
}

function subtract(
  now: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): Record<string, number> {
  const more = [...now].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}
