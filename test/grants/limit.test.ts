import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charge, createMeter, findExcess, type Limits } from '../../src/grants/limit.ts';

const limitsOf = (requestsPerSecond: number, burstSeconds: number): Limits => ({
  requestsPerSecond,
  recordsPerSecond: null,
  bytesPerSecond: null,
  burstSeconds,
});

/** How many of these are let in, each charged as one request. */
function countLetIn(limits: Limits, timesMs: readonly number[]): number {
  const meter = createMeter();
  let count = 0;
  for (const nowMs of timesMs) {
    if (findExcess(limits, meter, nowMs) !== null) continue;
    charge(limits, meter, 'requests', 1, nowMs);
    count++;
  }
  return count;
}

describe('a limit', () => {
  it('lets in the burst at once, and not one more', () => {
    const now = Array.from({ length: 1000 }, () => 5_000_000);
    expect(countLetIn(limitsOf(10, 5), now)).toBe(50);
    expect(countLetIn(limitsOf(3, 1), now)).toBe(3);
    expect(countLetIn(limitsOf(1, 1), now)).toBe(1);
  });

  it('never lets in more than the burst and the rate allow, nor less', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 5 }),
        gaps,
        (rate, burst, steps) => {
          let nowMs = 1_000_000;
          const times = steps.map((step) => (nowMs += step));
          const limits = limitsOf(rate, burst);
          const letIn = countLetIn(limits, times);
          const elapsedMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
          expect(letIn).toBeLessThanOrEqual(rate * burst + Math.floor((elapsedMs * rate) / 1000 + 1e-6));
          expect(letIn).toBeGreaterThanOrEqual(Math.min(times.length, rate * burst));
        },
      ),
    );
  });

  it('says how long to wait: after that one is let in, and a moment before not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 20_000 }), (rate, units) => {
        const limits = limitsOf(rate, 2);
        const meter = createMeter();
        charge(limits, meter, 'requests', units, 1000);
        const excess = findExcess(limits, meter, 1000);
        if (excess === null) {
          expect(units).toBeLessThanOrEqual(rate * 2 - 1);
          return;
        }
        expect(findExcess(limits, meter, 1000 + excess.waitMs)).toBeNull();
        if (excess.waitMs > 0.01)
          expect(findExcess(limits, meter, 1000 + excess.waitMs - 0.01)).not.toBeNull();
      }),
    );
  });

  it('takes what is larger than the burst, once, and has it paid for', () => {
    const limits = limitsOf(10, 1);
    const meter = createMeter();
    expect(findExcess(limits, meter, 0)).toBeNull();
    charge(limits, meter, 'requests', 1000, 0);
    expect(findExcess(limits, meter, 50_000)).toMatchObject({ measure: 'requests', perSecond: 10 });
    expect(findExcess(limits, meter, 99_100)).toBeNull();
  });

  it('of several names the one to wait longest for; none is none', () => {
    const limits = { requestsPerSecond: 1, recordsPerSecond: 1, bytesPerSecond: null, burstSeconds: 1 };
    const meter = createMeter();
    charge(limits, meter, 'requests', 2, 0);
    charge(limits, meter, 'records', 10, 0);
    charge(limits, meter, 'bytes', 1e12, 0);
    expect(findExcess(limits, meter, 0)).toMatchObject({ measure: 'records', waitMs: 10_000 });
    const none = { ...limits, requestsPerSecond: null, recordsPerSecond: null };
    expect(findExcess(none, meter, 0)).toBeNull();
  });
});
