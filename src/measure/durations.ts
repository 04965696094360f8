/**
 * How long things took, counted in steps of a quarter of a power of two: a quantile read from them is at most 19 % too
 * high. Pure: whoever measures brings the time.
 */

export interface Durations {
  count(ms: number): void;
  stats(): DurationStats;
}

export interface DurationStats {
  /** By step: `durationBoundMs(index)` at most. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

const STEPS = 80;
const STEPS_PER_POWER = 4;
const MS_MIN = 0.05;

/** The last step has no bound: it is for all that took longer than the one before, 37 s. */
export function durationBoundMs(index: number): number {
  return MS_MIN * 2 ** (index / STEPS_PER_POWER);
}

export function createDurations(): Durations {
  const counts = Array.from({ length: STEPS }, () => 0);
  let sumMs = 0;
  return {
    count(ms) {
      const step = Math.ceil(Math.log2(ms / MS_MIN) * STEPS_PER_POWER);
      const index = Math.min(Math.max(step, 0), STEPS - 1);
      counts[index] = (counts[index] ?? 0) + 1;
      sumMs += ms;
    },
    stats: () => ({ counts: [...counts], sumMs }),
  };
}

export interface PowerStep {
  readonly boundMs: number;
  /** All that took no longer. */
  readonly count: number;
}

/** The whole powers of two, which are a quarter of the steps, and the count of all. */
export function cumulate({ counts }: DurationStats): {
  readonly steps: readonly PowerStep[];
  readonly total: number;
} {
  const steps: PowerStep[] = [];
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    if (index % STEPS_PER_POWER === 0) steps.push({ boundMs: durationBoundMs(index), count: total });
  }
  return { steps, total };
}
