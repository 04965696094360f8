import { describe, expect, it } from 'vitest';
import { createCadence, type Cadence } from '../../src/journal/cadence.ts';

describe('the cadence of writes', () => {
  it('puts off no write of a sender who waits alone', () => {
    const writes = run(createCadence(), 1000, () => ({ arrivals: [0.1], answeredAfterMs: 0.2 }));
    expect(writes.filter(({ pauseMs }) => pauseMs > 0)).toEqual([]);
  });

  it('begins writes a millisecond apart where several wait for each, and more come all the time', () => {
    const writes = run(createCadence(), 1000, () => ({ arrivals: EVENLY, answeredAfterMs: 0.2 }));
    expect(writes.slice(1).filter(({ pauseMs }) => pauseMs === 0)).toEqual([]);
  });

  it('leaves pauses out where senders come back at once, and nobody else comes', () => {
    const writes = run(createCadence(), 10_000, () => ({ arrivals: AT_ONCE, answeredAfterMs: 0.2 }));
    expect(writes.filter(({ pauseMs }) => pauseMs > 0).length).toBeLessThan(40);
  });

  it('tries pauses again once more senders may have come', () => {
    const cadence = createCadence();
    run(cadence, 100, () => ({ arrivals: AT_ONCE, answeredAfterMs: 0.2 }));
    const later = run(cadence, 10_000, () => ({ arrivals: EVENLY, answeredAfterMs: 0.2 }));
    expect(later.filter(({ pauseMs }) => pauseMs === 0).length).toBeLessThan(2500);
  });

  it('takes a silence now and then for chance', () => {
    const writes = run(createCadence(), 1000, (write) => ({
      arrivals: write % 5 === 0 ? EVENLY : AT_ONCE,
      answeredAfterMs: 0.2,
    }));
    expect(writes.slice(1).filter(({ pauseMs }) => pauseMs === 0)).toEqual([]);
  });

  it('puts nothing off behind a write that took longer than a pause', () => {
    const writes = run(createCadence(), 100, () => ({ arrivals: EVENLY, answeredAfterMs: 3 }));
    expect(writes.filter(({ pauseMs }) => pauseMs > 0)).toEqual([]);
  });
});

/** When they come, in ms after the write before was done. */
const AT_ONCE = [0.05, 0.06, 0.07];
const EVENLY = [0.1, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1];

interface Round {
  readonly arrivals: readonly number[];
  /** From the beginning of a write. */
  readonly answeredAfterMs: number;
}

/** Writes one after the other, as the journal does it: the first who comes asks for the next one. */
function run(cadence: Cadence, writes: number, round: (write: number) => Round): { pauseMs: number }[] {
  let nowMs = 1000;
  return Array.from({ length: writes }, (_, write) => {
    const { arrivals, answeredAfterMs } = round(write);
    const [first = 0] = arrivals;
    const askedMs = nowMs + first;
    const pauseMs = cadence.startPause(askedMs);
    const beginMs = askedMs + pauseMs;
    const inTime = arrivals.filter((arrival) => nowMs + arrival <= beginMs);
    for (const arrival of inTime) cadence.arrive(nowMs + arrival);
    cadence.begin(beginMs, inTime.length);
    nowMs = beginMs + answeredAfterMs;
    return { pauseMs };
  });
}
