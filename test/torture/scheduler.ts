/**
 * Injects faults, in an order and for durations that follow from the seed. Lanes run side by side, so that faults of
 * different kinds overlap; within a lane each comes once before any comes again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Scene } from './fault.ts';
import { createRandom } from './random.ts';

export interface Scheduler {
  /** How often each fault has been injected. */
  readonly injected: ReadonlyMap<string, number>;
  /** What is broken at this moment. */
  readonly current: ReadonlySet<string>;
  /** True when a fault could not be injected or mended: `stop` says why. */
  hasFailed(): boolean;
  /** Resolves when all is mended. Throws when a fault could not be injected or mended. */
  stop(): Promise<void>;
}

/** Between two faults of a lane, least and most. */
const PAUSE_MS = [200, 2500] as const;

export function startFaults(faults: readonly Fault[], seed: number, scene: Omit<Scene, 'random'>): Scheduler {
  const injected = new Map(faults.map((fault) => [fault.name, 0]));
  const current = new Set<string>();
  const stopping = new AbortController();
  const wait = (ms: number): Promise<unknown> =>
    sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  async function runLane(lane: readonly Fault[], laneSeed: number): Promise<void> {
    const random = createRandom(laneSeed);
    while (!stopping.signal.aborted) {
      for (const fault of random.shuffle(lane)) {
        await wait(random.between(...PAUSE_MS));
        if (stopping.signal.aborted) return;
        current.add(fault.name);
        const mend = await fault.inject({ ...scene, random });
        injected.set(fault.name, (injected.get(fault.name) ?? 0) + 1);
        await wait(random.between(...fault.holdMs));
        await mend();
        current.delete(fault.name);
      }
    }
  }

  const lanes = Object.values(Object.groupBy(faults, (fault) => fault.lane));
  const running = Promise.all(lanes.map((lane, index) => runLane(lane ?? [], seed * 31 + index)));
  running.catch(() => stopping.abort());
  return {
    injected,
    current,
    hasFailed: () => stopping.signal.aborted,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
