/**
 * The table: Sluice beside what one would take instead, and the targets that it is held to. Parts in the order of their
 * worth; each measures its ratios within itself, in interleaved rounds. All together take less than a quarter of an hour.
 */
import { benchCores } from '../micro/cores.ts';
import { benchCrowd } from '../micro/crowd.ts';
import { gatherCrowd } from '../micro/gather.ts';
import type { Line } from '../micro/line.ts';
import { benchLogFiles } from '../micro/log-files.ts';
import { benchRecovery } from '../micro/recovery.ts';
import { benchSizes } from '../micro/sizes.ts';
import { benchSustained } from '../micro/sustained.ts';
import { benchTokens } from '../micro/token-check.ts';
import { benchWriter } from '../micro/writer.ts';
import { ensureProgram } from '../program.ts';
import { withWorld, type World } from '../world.ts';
import { compareForms, compareFronts, VARIANTS, type Speed } from './fronts.ts';
import { measureLatency, type PacedSpeed } from './paced.ts';
import { createParts, type Parts, type PartTime } from '../parts.ts';
import { openField, settleAll, type Field, type Variant } from './race.ts';
import { judge, type Figures, type Judged } from './targets.ts';

export interface TableValues {
  readonly rounds: number;
  /** Of one variant in one round. */
  readonly seconds: number;
  /** Of the crowd. */
  readonly clients: number;
}

export interface TableResult {
  readonly fronts: readonly Speed[];
  readonly forms: readonly Speed[];
  readonly latencies: readonly PacedSpeed[];
  readonly lines: readonly Line[];
  readonly targets: readonly Judged[];
  readonly parts: readonly PartTime[];
}

/** What one part adds to the table. */
interface Piece extends Partial<Pick<TableResult, 'fronts' | 'forms' | 'latencies' | 'lines'>> {
  readonly figures: Figures;
}

const FORM_SECONDS = 1;
const PACED: readonly Variant[] = ['journal', 'postgres', 'fastify'];
const PACED_MS = 2000;
/** What one core can send and time. */
const PACED_PER_SECOND_MAX = 35_000;
const LOG_FILES = { files: 20, linesPerFile: 2000 };
const SIZE_ROWS = 50_000;
const SUSTAINED = { seconds: 60, turns: 5, copyRows: 200_000 };
const WRITER_ROWS = 200_000;
const JOURNAL_BYTES = 512 * 1024 * 1024;
const TOKENS = { checks: 500_000, lookups: 1000 };
const CROWD = { seconds: 2, cached: 100_000 };

type Tell = (line: string) => void;

/** `keep` is given the table as far as it is known, whenever a part has ended. */
export async function benchTable(
  values: TableValues,
  tell: Tell,
  keep: (result: TableResult) => Promise<void>,
): Promise<TableResult> {
  ensureProgram('wrk', 'wrk');
  ensureProgram('psql', 'postgresql-client');
  const parts = createParts<Piece>({ tell, onPart: (ended) => keep(lay(ended)) });
  await parts.around('servers', () =>
    withField((world, field) => raceAll(parts, world, field, values, tell)),
  );
  await parts.around('parts alone', () => withWorld((world) => measureAlone(parts, world, values, tell)));
  return lay(parts);
}

function lay({ found, times }: Pick<Parts<Piece>, 'found' | 'times'>): TableResult {
  const figures: Figures = Object.assign({}, ...found.map((one) => one.figures));
  return {
    fronts: found.flatMap((one) => one.fronts ?? []),
    forms: found.flatMap((one) => one.forms ?? []),
    latencies: found.flatMap((one) => one.latencies ?? []),
    lines: found.flatMap((one) => one.lines ?? []),
    targets: judge(figures),
    parts: times,
  };
}

async function raceAll(
  parts: Parts<Piece>,
  world: World,
  field: Field,
  values: TableValues,
  tell: Tell,
): Promise<void> {
  const { rounds } = values;
  const run = (name: string, work: () => Promise<Piece>): Promise<void> =>
    parts.run(name, async () => {
      if (parts.times.some(({ failure }) => failure !== null)) await settleAll(world, field);
      return work();
    });
  await run('single pageviews', async () => {
    const { figures, speeds } = await compareFronts(world, field, values, tell);
    return { figures, fronts: speeds };
  });
  await run('forms', async () => {
    const { figures, speeds } = await compareForms(world, field, { rounds, seconds: FORM_SECONDS }, tell);
    return { figures, forms: speeds };
  });
  await run('latency', async () => {
    const paced = { rounds, measuredMs: PACED_MS, requestsPerSecondMax: PACED_PER_SECOND_MAX };
    const { figures, speeds } = await measureLatency(world, field, PACED, paced, tell);
    return { figures, latencies: speeds };
  });
  await run('CloudFront files', () => benchLogFiles(world, field, { rounds, ...LOG_FILES }, tell));
  await run('sizes', () => benchSizes(world, field, { rows: SIZE_ROWS }, tell));
  await run('sustained load', () => benchSustained(world, field, SUSTAINED, tell));
}

async function measureAlone(
  parts: Parts<Piece>,
  world: World,
  { rounds, clients }: TableValues,
  tell: Tell,
): Promise<void> {
  await parts.run('cores', () => benchCores({ rounds }, tell));
  await parts.run('writer', () => benchWriter(world, { rounds, rows: WRITER_ROWS }, tell));
  await parts.run('recovery', () => benchRecovery(world, { rounds, journalBytes: JOURNAL_BYTES }, tell));
  await parts.around('gathering the crowd', async () => {
    const crowd = await gatherCrowd(world, clients, tell);
    try {
      await parts.run('token check', () => benchTokens(world, crowd, { rounds, ...TOKENS }, tell));
      await parts.run('crowd', () => benchCrowd(world, crowd, { rounds, ...CROWD }, tell));
    } finally {
      await crowd.close();
    }
  });
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
