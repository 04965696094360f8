/**
 * This checkout's gateway beside that of another one, in the same run: what a change is worth. Both write to one Postgres,
 * so both must have the same schema. Each form in its own race.
 */
import { resolve } from 'node:path';
import { ensureProgram } from './program.ts';
import { printSpread, ratioOf, spreadOf, sumRounds, type Spread } from './rounds.ts';
import { forms, findForm } from './table/forms.ts';
import { openField, proveEntries, race, type Entry } from './table/race.ts';
import { withWorld } from './world.ts';

export interface AgainstValues {
  readonly rounds: number;
  readonly seconds: number;
  /** Another one, with its packages installed. */
  readonly checkout: string;
  /** Names; none: all there are. */
  readonly forms: readonly string[];
}

export interface AgainstResult {
  readonly form: string;
  readonly recordsPerSecond: Readonly<Record<string, Spread>>;
  /** This one's over the other's: more than 1 is faster, and, of CPU, dearer. */
  readonly 'speed, this / other': Spread;
  readonly 'CPU, this / other': Spread;
}

const VARIANTS = ['journal', 'other'] as const;

export async function benchAgainst(
  values: AgainstValues,
  tell: (line: string) => void,
): Promise<AgainstResult[]> {
  ensureProgram('wrk', 'wrk');
  const wanted = values.forms.length === 0 ? forms : values.forms.map((name) => findForm(name));
  return withWorld(async (world) => {
    const field = await openField(world, VARIANTS, resolve(values.checkout));
    const results: AgainstResult[] = [];
    try {
      for (const form of wanted) {
        const entries: Entry[] = VARIANTS.map((variant) => ({ name: variant, variant, form }));
        await proveEntries(world, field, entries, tell);
        const { requestsPerSecond, serverUs, postgresUs } = await race(world, field, entries, values, tell);
        results.push({
          form: form.name,
          recordsPerSecond: Object.fromEntries(
            VARIANTS.map((variant) => [
              variant,
              spreadOf((requestsPerSecond[variant] ?? []).map((rate) => rate * form.records)),
            ]),
          ),
          'speed, this / other': ratioOf(requestsPerSecond, 'journal', 'other'),
          'CPU, this / other': ratioOf(sumRounds(serverUs, postgresUs), 'journal', 'other'),
        });
      }
    } finally {
      await field.stop();
    }
    return results;
  });
}

export function printAgainst(results: readonly AgainstResult[], checkout: string, rounds: string): string {
  return results
    .flatMap(({ form, recordsPerSecond, ...ratios }) => [
      `\n${form}, ${rounds}`,
      ...Object.entries(recordsPerSecond).map(
        ([name, spread]) =>
          `  ${(name === 'other' ? checkout : 'this checkout').padEnd(24)} ${printSpread(spread, 0)} records/s`,
      ),
      ...Object.entries(ratios).map(([name, spread]) => `  ${name.padEnd(24)} ${printSpread(spread, 3)}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}
