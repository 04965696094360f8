/**
 * What Sluice is held to, and where `npm run bench -- --check` fails. Every figure is a ratio of two things measured in the
 * same run, or small enough to be named in its unit. A floor leaves room for a noisy machine: what is beyond it is no noise.
 * Where a target is not reached, the floor lies by what is: a check that always fails tells nothing. docs/performance.md says
 * why each is missed.
 */
import type { Spread } from '../rounds.ts';

export interface Target {
  readonly what: string;
  readonly isAtLeast: boolean;
  readonly target: number;
  /** Null: a time, which is a machine's, so that no machine is judged by it. */
  readonly floor: number | null;
  /** '' for a ratio. */
  readonly unit: '' | ' µs' | ' MiB';
}

const targets = {
  bare: atLeast('single pageview, journal / bare uWebSockets.js', 0.6, 0.24),
  unwaited: atLeast('single pageview, journal / the same gateway with acks not waiting', 0.85, 0.65),
  fastify: atLeast('single pageview, journal / Fastify with acks from memory', 1.6, 1.2),
  insert: atLeast('single pageview, postgres / one INSERT per request', 4, 2.5),
  array: atLeast('array of 100, records/s / single pageview, requests/s', 6, 3),
  sustained: atLeast('60 s of arrays of 100 into Postgres, rows/s / psql \\copy, one connection', 0.65, 0.45),
  writer: atLeast('writer alone, 1000 rows at once / psql \\copy, two connections each', 0.75, 0.5),
  cpu: atMost(
    'CPU per record (gateway and Postgres), arrays of 100 / CPU per request, bare uWebSockets.js',
    12 / 8.4,
    3,
  ),
  token: atMost('token check in memory, hash included', 0.6, null, ' µs'),
  tokenToHash: atMost('token check in memory / the SHA-256 in it alone', 1.5, 4),
  tail: atMost('single pageview at 70 % load, journal: p99 / p50', 4, 80),
  memory: atMost('resident memory at saturation, 100,000 grants cached', 180, 320, ' MiB'),
  clients: atMost('CPU of a request, 1,000,000 clients / 4 clients', 1.3, 4),
} as const satisfies Readonly<Record<string, Target>>;

export type TargetName = keyof typeof targets;
export type Figures = { readonly [name in TargetName]?: Spread };

export interface Judged extends Target {
  readonly name: TargetName;
  readonly measured: Spread;
  readonly isReached: boolean;
  /** Beyond its floor: by more than noise. */
  readonly isMissed: boolean;
}

export function judge(figures: Figures): readonly Judged[] {
  return (Object.keys(targets) as TargetName[]).flatMap((name) => {
    const measured = figures[name];
    if (measured === undefined) return [];
    const target: Target = targets[name];
    const reaches = (bound: number): boolean =>
      target.isAtLeast ? measured.median >= bound : measured.median <= bound;
    const { floor } = target;
    const isMissed = floor === null ? Number.isNaN(measured.median) : !reaches(floor);
    return [{ ...target, name, measured, isReached: reaches(target.target), isMissed }];
  });
}

function atLeast(what: string, target: number, floor: number): Target {
  return { what, isAtLeast: true, target, floor, unit: '' };
}

/** Of which nothing is known: what cannot be judged is not within its floor either. */
export function listUnmeasured(judged: readonly Judged[]): readonly string[] {
  const known = new Set<string>(judged.map(({ name }) => name));
  return Object.entries(targets).flatMap(([name, { what }]) => (known.has(name) ? [] : [what]));
}

function atMost(what: string, target: number, floor: number | null, unit: Target['unit'] = ''): Target {
  return { what, isAtLeast: false, target, floor, unit };
}
