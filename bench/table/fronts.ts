/** Single pageviews, and the forms in which records come: Sluice and what one would take instead. */
import { ratioOf, spreadOf, sumRounds, type Spread } from '../rounds.ts';
import type { World } from '../world.ts';
import { findForm, forms } from './forms.ts';
import {
  proveEntries,
  race,
  type Entry,
  type Field,
  type RaceResult,
  type RaceValues,
  type Variant,
} from './race.ts';
import type { Figures } from './targets.ts';

export const VARIANTS: readonly Variant[] = [
  ...(['journal', 'postgres', 'unwaited'] as const),
  ...(['bare', 'node:http', 'fastify', 'insert'] as const),
];

/** Of one entry of a race. */
export interface Speed {
  readonly name: string;
  readonly records: number;
  readonly recordsPerSecond: Spread;
  /** CPU, in µs. */
  readonly serverUsPerRecord: Spread;
  readonly postgresUsPerRecord: Spread;
  /** Records/s, to the first entry's in the same round. */
  readonly ratio: Spread;
}

export interface FrontsResult {
  readonly figures: Figures;
  readonly speeds: readonly Speed[];
}

export async function compareFronts(
  world: World,
  field: Field,
  values: RaceValues,
  tell: (line: string) => void,
): Promise<FrontsResult> {
  const form = findForm('pageview');
  const entries = VARIANTS.map((variant) => ({ name: variant, variant, form }));
  await proveEntries(world, field, entries, tell);
  const result = await race(world, field, entries, values, tell);
  const ratio = (over: Variant, under: Variant): Spread => ratioOf(result.requestsPerSecond, over, under);
  return {
    figures: {
      bare: ratio('journal', 'bare'),
      unwaited: ratio('journal', 'unwaited'),
      fastify: ratio('journal', 'fastify'),
      insert: ratio('postgres', 'insert'),
    },
    speeds: describeSpeeds(entries, result),
  };
}

/** All at `journal`; the first is the measure for the others, and the bare library's for the CPU. */
export async function compareForms(
  world: World,
  field: Field,
  values: RaceValues,
  tell: (line: string) => void,
): Promise<FrontsResult> {
  const entries: Entry[] = forms.map((form) => ({ name: form.name, variant: 'journal', form }));
  const beside = (variant: Variant, name: string): Entry => ({
    name: `${name}, ${variant}`,
    variant,
    form: findForm(name),
  });
  entries.push(beside('bare', 'pageview'), beside('bare', 'array of 100'), beside('fastify', 'array of 100'));
  await proveEntries(world, field, entries, tell);
  const result = await race(world, field, entries, values, tell);
  const speeds = describeSpeeds(entries, result);
  const array = speeds.find(({ name }) => name === 'array of 100');
  return {
    figures: {
      ...(array === undefined ? {} : { array: array.ratio }),
      cpu: ratioOf(
        { array: cpuPerRecord(result, 'array of 100', 100), bare: result.serverUs[BARE] ?? [] },
        'array',
        'bare',
      ),
    },
    speeds,
  };
}

const BARE = 'pageview, bare';

function cpuPerRecord(result: RaceResult, name: string, records: number): readonly number[] {
  const us = sumRounds(result.serverUs, result.postgresUs)[name] ?? [];
  return us.map((each) => each / records);
}

function describeSpeeds(entries: readonly Entry[], result: RaceResult): readonly Speed[] {
  const records = Object.fromEntries(
    entries.map(({ name, form }) => [
      name,
      (result.requestsPerSecond[name] ?? []).map((rate) => rate * form.records),
    ]),
  );
  const [first] = entries;
  return entries.map(({ name, form }) => ({
    name,
    records: form.records,
    recordsPerSecond: spreadOf(records[name] ?? []),
    serverUsPerRecord: spreadOf((result.serverUs[name] ?? []).map((us) => us / form.records)),
    postgresUsPerRecord: spreadOf((result.postgresUs[name] ?? []).map((us) => us / form.records)),
    ratio: ratioOf(records, name, first?.name ?? name),
  }));
}
