/** One run: a world, clients, faults; then everything is mended, drained and compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startClients, type Clients } from './clients.ts';
import type { Fault } from './fault.ts';
import { createLedger } from './ledger.ts';
import { compare, isKept, type Balance } from './oracle.ts';
import { startFaults } from './scheduler.ts';
import type { World } from './world.ts';

export interface TortureValues {
  readonly seconds: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly clients: number;
  readonly recordsPerSecond: number;
  readonly paddingBytes: number;
}

export interface Progress {
  readonly seconds: number;
  readonly sent: number;
  readonly promised: number;
  readonly faults: number;
  readonly waiting: number;
  readonly current: readonly string[];
}

export interface Result {
  readonly balance: Balance;
  readonly isKept: boolean;
  /** What was not as it should be, beside the balance. */
  readonly findings: readonly string[];
  readonly injected: ReadonlyMap<string, number>;
  readonly answers: Clients['answers'];
  readonly byForm: Clients['byForm'];
  /** From the last fault mended to the last record stored. */
  readonly drainedMs: number;
}

const DRAIN_TIMEOUT_MS = 120_000;

export async function torture(
  values: TortureValues,
  world: World,
  tell: (progress: Progress) => void,
): Promise<Result> {
  const ledger = createLedger();
  const findings: string[] = [];
  const clients = startClients(values, {
    ledger,
    site: world.site,
    ports: () => world.gateways.map((gateway) => gateway.port()).filter((port) => port !== null),
  });
  const blame = (finding: string): void => void findings.push(finding);
  const scheduler = startFaults(values.faults, values.seed, { world, ledger, blame });
  const startedAtMs = performance.now();
  for (let second = 1; second <= values.seconds; second++) {
    await sleep(startedAtMs + second * 1000 - performance.now());
    tell({
      seconds: second,
      ...ledger.stats(),
      faults: [...scheduler.injected.values()].reduce((sum, times) => sum + times, 0),
      waiting: world.gateways.reduce((sum, gateway) => sum + gateway.waiting(), 0),
      current: [...scheduler.current],
    });
  }
  await scheduler.stop();
  await clients.stop();
  const mendedAtMs = performance.now();
  await Promise.all(world.gateways.map((gateway) => gateway.start()));
  await waitUntilDrained(world, clients);
  const drainedMs = performance.now() - mendedAtMs;
  const balance = await world.postgres.ask((sql) => compare(sql, ledger));
  findings.push(...world.gateways.flatMap((gateway) => gateway.endings));
  return {
    balance,
    isKept: isKept(balance) && findings.length === 0,
    findings,
    injected: scheduler.injected,
    answers: clients.answers,
    byForm: clients.byForm,
    drainedMs: Math.round(drainedMs),
  };
}

/** A journal is drained in order: when a new record is in Postgres, all before it are. */
async function waitUntilDrained(world: World, clients: Clients): Promise<void> {
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  for (const gateway of world.gateways) {
    for (;;) {
      const port = gateway.port();
      if (port !== null && (await clients.probe(port))) break;
      if (performance.now() > deadline) return;
      await sleep(50);
    }
  }
}
