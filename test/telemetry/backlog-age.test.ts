import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { startBacklogAge } from '../../src/telemetry/metrics/backlog-age.ts';

const SECOND_MS = 1000;

/** Looks once a second of a clock that the test turns. */
function start() {
  const marks = { appended: 0, stored: 0 };
  let nowMs = 0;
  const age = startBacklogAge({ readMarks: () => marks, now: () => nowMs });
  age.close();
  return {
    marks,
    pass: (ms: number): number => {
      nowMs += ms;
      return age.readMs();
    },
  };
}

it('is 0 while nothing waits', () => {
  const { marks, pass } = start();
  expect(pass(SECOND_MS)).toBe(0);
  marks.appended = 5;
  expect(pass(0)).toBe(0);
  expect(pass(SECOND_MS)).toBe(SECOND_MS);
  marks.stored = 5;
  expect(pass(SECOND_MS)).toBe(0);
});

it('tells of the oldest that is left when some are stored', () => {
  const { marks, pass } = start();
  for (let second = 1; second <= 10; second++) {
    marks.appended = second;
    pass(SECOND_MS);
  }
  expect(pass(0)).toBe(9 * SECOND_MS);
  marks.stored = 4;
  expect(pass(0)).toBe(5 * SECOND_MS);
});

it('is right within a second, or a five-hundredth, however long nothing is stored', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (seconds, part) => {
        const { marks, pass } = start();
        for (let second = 1; second <= seconds; second++) {
          marks.appended = second;
          pass(SECOND_MS);
        }
        marks.stored = Math.floor(part * seconds);
        const trueMs = (seconds - marks.stored - 1) * SECOND_MS;
        const askedMs = pass(0);
        expect(askedMs).toBeGreaterThanOrEqual(trueMs);
        expect(askedMs).toBeLessThanOrEqual(trueMs + SECOND_MS + (seconds * SECOND_MS) / 500);
      },
    ),
    { numRuns: 30 },
  );
});
