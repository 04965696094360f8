/**
 * Interleaved rounds: every variant is measured once in every round, in changing order, and ratios are formed inside
 * a round. A machine whose speed drifts then moves both sides of a ratio alike. Pure but for the measuring.
 */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** values[variant][round] */
export type Measured = Readonly<Record<string, readonly number[]>>;

/** Measures each variant once a round, after one round that does not count. */
export async function runRounds(
  variants: readonly string[],
  rounds: number,
  measure: (variant: string, round: number) => Promise<number>,
): Promise<Measured> {
  const measured: Record<string, number[]> = Object.fromEntries(variants.map((variant) => [variant, []]));
  for (let round = -1; round < rounds; round++) {
    for (const variant of rotate(variants, round + 1)) {
      const value = await measure(variant, round);
      if (round >= 0) measured[variant]?.push(value);
    }
  }
  return measured;
}

/** A round that has no figure leaves all of them without: those that are left may be the good ones. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.some((value) => !Number.isFinite(value))) return { median: NaN, min: NaN, max: NaN };
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? NaN;
  const high = sorted[Math.floor(middle)] ?? NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** `over` / `under`, round by round. */
export function ratioOf(measured: Measured, over: string, under: string): Spread {
  const top = measured[over] ?? [];
  const bottom = measured[under] ?? [];
  return spreadOf(top.map((value, round) => value / (bottom[round] ?? NaN)));
}

/** Variant by variant and round by round. */
export function sumRounds(one: Measured, other: Measured): Measured {
  return Object.fromEntries(
    Object.entries(one).map(([variant, rounds]) => [
      variant,
      rounds.map((value, round) => value + (other[variant]?.[round] ?? NaN)),
    ]),
  );
}

export function printSpread(spread: Spread, digits: number): string {
  const print = (value: number): string => value.toFixed(digits);
  return `${print(spread.median)} [${print(spread.min)}–${print(spread.max)}]`;
}

export function rotate<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
