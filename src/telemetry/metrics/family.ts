/**
 * A family of metrics: a name with its unit, what it says, and how its samples are read from what the parts count.
 * Nothing is kept here, and nothing happens until somebody scrapes.
 */
import { cumulate, type DurationStats } from '../../measure/durations.ts';
import type { GatewayStats } from './stats.ts';

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence, without a stop at its end. */
  readonly help: string;
  /** Each has few values, and none that a sender could invent. */
  readonly labels: readonly string[];
  /** What becomes of it where a gateway has several processes. */
  readonly across: Across;
  /** Counts from before the process: those of the one before it are among them. */
  readonly outlivesProcess: boolean;
  readonly read: (stats: GatewayStats) => readonly Sample[];
}

export type Across = 'sum' | 'min' | 'max';

export interface Sample {
  /** A histogram's samples have the endings that its parts have. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A number alone, or one for each combination of values of the labels. */
type Reading = number | readonly (readonly [value: number, ...labels: string[]])[];
type Read = (stats: GatewayStats) => Reading;

/** Counts from the start of the gateway. */
export function counter(name: string, help: string, labels: readonly string[], read: Read): Family {
  const type = 'counter' as const;
  return { name, type, help, labels, ...SUMMED, read: (stats) => label(labels, read(stats)) };
}

export function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  read: Read,
  across: Across = 'sum',
): Family {
  const type = 'gauge' as const;
  return { name, type, help, labels, ...SUMMED, across, read: (stats) => label(labels, read(stats)) };
}

/** In seconds; its buckets end at powers of two times 50 µs. */
export function histogram(
  name: string,
  help: string,
  readDurations: (stats: GatewayStats) => DurationStats,
): Family {
  const type = 'histogram' as const;
  return { name, type, help, labels: ['le'], ...SUMMED, read: (stats) => fill(name, readDurations(stats)) };
}

const SUMMED = { across: 'sum', outlivesProcess: false } as const;

function label(names: readonly string[], reading: Reading): readonly Sample[] {
  const readings = typeof reading === 'number' ? [[reading] as const] : reading;
  return readings.map(([value, ...values]) => ({
    labels: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])),
    value,
  }));
}

function fill(name: string, durations: DurationStats): readonly Sample[] {
  const { steps, total } = cumulate(durations);
  const bucket = (le: string, value: number): Sample => ({
    metricName: `${name}_bucket`,
    labels: { le },
    value,
  });
  return [
    ...steps.map(({ boundMs, count }) => bucket(String(boundMs / 1000), count)),
    bucket('+Inf', total),
    { metricName: `${name}_sum`, labels: {}, value: durations.sumMs / 1000 },
    { metricName: `${name}_count`, labels: {}, value: total },
  ];
}
