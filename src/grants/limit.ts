/**
 * How much a client may send: requests, records and bytes per second, with a burst. GCRA with debt: what comes is let in
 * while less than the burst is owed, and then charged in full, so that one batch may be larger than the burst and is paid
 * for by waiting. One number of state each; the states live with the grant, in this process alone. Pure.
 */

export interface Limits {
  /** Null: as many as you like. */
  readonly requestsPerSecond: number | null;
  readonly recordsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** So many seconds' worth may come at once. */
  readonly burstSeconds: number;
}

export type Measure = 'requests' | 'records' | 'bytes';

/** Of each measure: until when, by the monotonic clock in ms, all that came would have been sent at the even rate. */
export type Meter = Record<Measure, number>;

export interface Excess {
  readonly measure: Measure;
  readonly perSecond: number;
  readonly burstSeconds: number;
  /** After which the next request is let in. */
  readonly waitMs: number;
}

const MEASURES: readonly Measure[] = ['requests', 'records', 'bytes'];

export function createMeter(): Meter {
  return { requests: 0, records: 0, bytes: 0 };
}

export function isUnlimited(limits: Limits): boolean {
  return MEASURES.every((measure) => rateOf(limits, measure) === null);
}

/** Null: come in. Of several limits that are exceeded, the one to wait longest for. */
export function findExcess(limits: Limits, meter: Meter, nowMs: number): Excess | null {
  const burstMs = limits.burstSeconds * 1000;
  let worst: Excess | null = null;
  for (const measure of MEASURES) {
    const perSecond = rateOf(limits, measure);
    // One unit less than the burst is owed: the burst itself is let in, and no more.
    const waitMs = perSecond === null ? 0 : meter[measure] - nowMs - burstMs + 1000 / perSecond;
    // By a millionth of a millisecond or so, sums of fractions miss what they should be.
    if (perSecond === null || waitMs < ROUNDING_MS || waitMs <= (worst?.waitMs ?? 0)) continue;
    worst = { measure, perSecond, burstSeconds: limits.burstSeconds, waitMs };
  }
  return worst;
}

export function charge(limits: Limits, meter: Meter, measure: Measure, units: number, nowMs: number): void {
  const perSecond = rateOf(limits, measure);
  if (perSecond === null) return;
  meter[measure] = Math.max(meter[measure], nowMs) + (units * 1000) / perSecond;
}

const ROUNDING_MS = 1e-6;

/** Null: as many as you like. */
export function rateOf(limits: Limits, measure: Measure): number | null {
  switch (measure) {
    case 'requests':
      return limits.requestsPerSecond;
    case 'records':
      return limits.recordsPerSecond;
    case 'bytes':
      return limits.bytesPerSecond;
  }
}
