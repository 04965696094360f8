/**
 * The table: Sluice beside what one would take instead, and the targets that it is held to. Parts in the order of their
 * worth; each measures its ratios within itself, in interleaved rounds. All together take less than a quarter of an hour.
 */
import { benchCrowd } from '../micro/crowd.ts';
import { gatherCrowd } from '../micro/gather.ts';
import type { Found, Line } from '../micro/line.ts';
import { benchLogFiles } from '../micro/log-files.ts';
import { benchRecovery } from '../micro/recovery.ts';
import { benchSustained } from '../micro/sustained.ts';
import { benchTokens } from '../micro/token-check.ts';
import { benchWriter } from '../micro/writer.ts';
import { ensureProgram } from '../program.ts';
import { openWorld, type World } from '../world.ts';
import { compareForms, compareFronts, VARIANTS, type Speed } from './fronts.ts';
import { measureLatency, type PacedSpeed } from './paced.ts';
import { openField, type Field, type Variant } from './race.ts';
import { judge, type Figures, type Judged } from './targets.ts';

export interface TableValues {
  readonly rounds: number;
  /** Of one variant in one round. */
  readonly seconds: number;
}

export interface TableResult {
  readonly fronts: readonly Speed[];
  readonly forms: readonly Speed[];
  readonly latencies: readonly PacedSpeed[];
  readonly lines: readonly Line[];
  readonly targets: readonly Judged[];
}

const FORM_SECONDS = 1;
const PACED: readonly Variant[] = ['journal', 'postgres', 'fastify'];
const PACED_MS = 2000;
/** What one core can send and time. */
const PACED_PER_SECOND_MAX = 35_000;
const LOG_FILES = { files: 20, linesPerFile: 2000 };
const SUSTAINED = { seconds: 60, turns: 5, copyRows: 200_000 };
const WRITER_ROWS = 200_000;
const JOURNAL_BYTES = 512 * 1024 * 1024;
const CLIENTS = 1_000_000;
const TOKENS = { checks: 500_000, lookups: 1000 };
const CROWD = { seconds: 2, cached: 100_000 };

type Tell = (line: string) => void;

export async function benchTable(values: TableValues, tell: Tell): Promise<TableResult> {
  ensureProgram('wrk', 'wrk');
  ensureProgram('psql', 'postgresql-client');
  const raced = await withField((world, field) => raceAll(world, field, values, tell));
  const alone = await withWorld((world) => measureAlone(world, values.rounds, tell));
  const found = [...raced.alone, ...alone];
  const figures: Figures = Object.assign({}, raced.figures, ...found.map((one) => one.figures));
  const { fronts, forms, latencies } = raced;
  const lines = found.flatMap((one) => one.lines);
  return { fronts, forms, latencies, lines, targets: judge(figures) };
}

async function raceAll(world: World, field: Field, values: TableValues, tell: Tell) {
  const fronts = await compareFronts(world, field, values, tell);
  const forms = await compareForms(world, field, { ...values, seconds: FORM_SECONDS }, tell);
  const paced = { rounds: values.rounds, measuredMs: PACED_MS, requestsPerSecondMax: PACED_PER_SECOND_MAX };
  const latencies = await measureLatency(world, field, PACED, paced, tell);
  const files = await benchLogFiles(world, field, { rounds: values.rounds, ...LOG_FILES }, tell);
  const sustained = await benchSustained(world, field, SUSTAINED, tell);
  return {
    figures: { ...fronts.figures, ...forms.figures, ...latencies.figures },
    fronts: fronts.speeds,
    forms: forms.speeds,
    latencies: latencies.speeds,
    alone: [files, sustained],
  };
}

async function measureAlone(world: World, rounds: number, tell: Tell): Promise<readonly Found[]> {
  const writer = await benchWriter(world, { rounds, rows: WRITER_ROWS }, tell);
  const recovery = await benchRecovery(world, { rounds, journalBytes: JOURNAL_BYTES }, tell);
  const crowd = await gatherCrowd(world, CLIENTS, tell);
  try {
    const tokens = await benchTokens(world, crowd, { rounds, ...TOKENS }, tell);
    const crowded = await benchCrowd(world, crowd, { rounds, ...CROWD }, tell);
    return [writer, recovery, tokens, crowded];
  } finally {
    await crowd.close();
  }
}

function withField<T>(work: (world: World, field: Field) => Promise<T>): Promise<T> {
  return withWorld(async (world) => {
    const field = await openField(world, VARIANTS);
    try {
      return await work(world, field);
    } finally {
      await field.stop();
    }
  });
}

async function withWorld<T>(work: (world: World) => Promise<T>): Promise<T> {
  const world = await openWorld();
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}
