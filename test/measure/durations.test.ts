import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDurations, cumulate, durationBoundMs } from '../../src/measure/durations.ts';

it('puts every duration into the first step whose bound it does not pass', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 30_000, noNaN: true }), (ms) => {
      const durations = createDurations();
      durations.count(ms);
      const step = durations.stats().counts.indexOf(1);
      expect(ms).toBeLessThanOrEqual(durationBoundMs(step) * (1 + 1e-12));
      if (step > 0) expect(ms).toBeGreaterThan(durationBoundMs(step - 1) * (1 - 1e-12));
      expect(durations.stats().sumMs).toBe(ms);
    }),
  );
});

it('cumulates to powers of two, and counts all', () => {
  const durations = createDurations();
  for (const ms of [0.01, 0.05, 0.06, 0.11, 1, 1e6]) durations.count(ms);
  const { steps, total } = cumulate(durations.stats());
  expect(steps.slice(0, 6)).toEqual([
    { boundMs: 0.05, count: 2 },
    { boundMs: 0.1, count: 3 },
    { boundMs: 0.2, count: 4 },
    { boundMs: 0.4, count: 4 },
    { boundMs: 0.8, count: 4 },
    { boundMs: 1.6, count: 5 },
  ]);
  expect(steps.at(-1)?.count).toBe(5);
  expect(total).toBe(6);
});
