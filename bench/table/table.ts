/**
 * The table: Sluice beside what one would take instead, and the targets that it is held to. Parts in the order of their
 * worth; each measures its ratios within itself, in interleaved rounds. All together take less than a quarter of an hour.
 */
import { openWorld, type World } from '../world.ts';
import { compareForms, compareFronts, VARIANTS, type Speed } from './fronts.ts';
import { openField, type Field } from './race.ts';
import { judge, type Figures, type Judged } from './targets.ts';
import { installWrk } from './wrk.ts';

export interface TableValues {
  readonly rounds: number;
  /** Of one variant in one round. */
  readonly seconds: number;
}

export interface TableResult {
  readonly fronts: readonly Speed[];
  readonly forms: readonly Speed[];
  readonly targets: readonly Judged[];
}

export async function benchTable(values: TableValues, tell: (line: string) => void): Promise<TableResult> {
  installWrk();
  const world = await openWorld();
  try {
    const field = await openField(world, VARIANTS);
    try {
      return await measure(world, field, values, tell);
    } finally {
      await field.stop();
    }
  } finally {
    await world.close();
  }
}

async function measure(
  world: World,
  field: Field,
  values: TableValues,
  tell: (line: string) => void,
): Promise<TableResult> {
  const fronts = await compareFronts(world, field, values, tell);
  const forms = await compareForms(world, field, values, tell);
  const figures: Figures = { ...fronts.figures, ...forms.figures };
  return { fronts: fronts.speeds, forms: forms.speeds, targets: judge(figures) };
}
