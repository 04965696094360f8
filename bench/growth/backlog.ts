/**
 * What a journal costs that Postgres has nothing of, by its size: how long a gateway takes to come up, the memory that takes,
 * and what another record costs. One journal grows from point to point, so that points are not interleaved. It is read from
 * the page cache as far as that holds it. While gateways start, the table is locked: none of it gets away.
 */
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from '../../test/setup/gateway.ts';
import { appendBytes, openLarge } from '../micro/recovery.ts';
import { spreadOf } from '../rounds.ts';
import { readMetric, readPeakMib, WITH_METRICS } from '../table/process.ts';
import { connectBench, type World } from '../world.ts';
import { stepsTo, type Curve, type CurveLine } from './curve.ts';
import { readRoomBytes } from './room.ts';

export interface BacklogValues {
  readonly rounds: number;
  readonly backlogMibMax: number;
  /** Appended at each point, to be timed. */
  readonly appendedMib: number;
}

const MIB = 1024 * 1024;
const STEPS = [0, 100, 1024, 4096];

export async function growBacklog(
  world: World,
  values: BacklogValues,
  tell: (line: string) => void,
): Promise<Curve> {
  const data = join(world.directory, 'backlog');
  const directory = join(data, 'journal');
  await mkdir(directory, { recursive: true });
  const roomMib = Math.floor((await readRoomBytes(directory)) / MIB);
  const backlogMibMax = Math.min(values.backlogMibMax, roomMib);
  const found = {
    startMs: pointsOf('start until it listens', 'ms'),
    mib: pointsOf('memory at its largest', 'MiB'),
    us: pointsOf('another record, with its share of the sync', 'µs'),
  };
  let bytes = 0;
  let entries = 0;
  try {
    for (const size of stepsTo(backlogMibMax, STEPS)) {
      tell(`backlog: to ${size} MiB`);
      const appended = await append(directory, backlogMibMax, size * MIB - bytes);
      bytes += appended.bytes;
      entries += appended.entries;
      const starts = await startAll(world, data, { size, entries, rounds: values.rounds }, tell);
      found.startMs.points.push({ size, measured: spreadOf(starts.map(({ ms }) => ms)) });
      found.mib.points.push({ size, measured: spreadOf(starts.map(({ mib }) => mib)) });
      const appends = await timeAppends(directory, backlogMibMax, values);
      bytes += appends.bytes;
      entries += appends.entries;
      found.us.points.push({ size, measured: spreadOf(appends.us) });
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
  const isShort = backlogMibMax < values.backlogMibMax;
  return {
    name: 'backlog',
    title: 'A journal that Postgres has nothing of',
    size: 'MiB',
    lines: [found.startMs, found.mib, found.us],
    remark: isShort ? `It ends at ${backlogMibMax} MiB: half of what the disk has left.` : '',
  };
}

type OpenLine = Omit<CurveLine, 'points'> & { readonly points: CurveLine['points'][number][] };

function pointsOf(what: string, unit: string): OpenLine {
  return { what, unit, points: [] };
}

async function append(directory: string, backlogMibMax: number, bytes: number): Promise<Appended> {
  if (bytes <= 0) return { bytes: 0, entries: 0 };
  const journal = await openLarge(directory, backlogMibMax * MIB);
  const appended = await appendBytes(journal, bytes);
  await journal.close();
  return appended;
}

interface Appended {
  readonly bytes: number;
  readonly entries: number;
}

async function timeAppends(
  directory: string,
  backlogMibMax: number,
  { rounds, appendedMib }: BacklogValues,
): Promise<Appended & { readonly us: readonly number[] }> {
  const journal = await openLarge(directory, backlogMibMax * MIB);
  const us: number[] = [];
  let [bytes, entries] = [0, 0];
  for (let round = -1; round < rounds; round++) {
    const startedAtMs = performance.now();
    const appended = await appendBytes(journal, appendedMib * MIB);
    bytes += appended.bytes;
    entries += appended.entries;
    if (round >= 0) us.push(((performance.now() - startedAtMs) * 1000) / appended.entries);
  }
  await journal.close();
  return { us, bytes, entries };
}

interface Start {
  readonly ms: number;
  readonly mib: number;
}

async function startAll(
  world: World,
  data: string,
  { size, entries, rounds }: { readonly size: number; readonly entries: number; readonly rounds: number },
  tell: (line: string) => void,
): Promise<readonly Start[]> {
  const holder = connectBench(world.postgres.url, 1);
  const starts: Start[] = [];
  try {
    await holder.begin(async (tx) => {
      await tx`LOCK TABLE hits`;
      for (let round = -1; round < rounds; round++) {
        tell(`backlog: start with ${size} MiB, round ${round + 1} of ${rounds}`);
        const start = await startOnce(world, data, entries);
        if (round >= 0) starts.push(start);
      }
    });
  } finally {
    await holder.end({ timeout: 1 });
  }
  return starts;
}

/**
 * Throws when the gateway has not found all of the journal. Killed: one that stops would bring it to Postgres first.
 */
async function startOnce(world: World, data: string, entries: number): Promise<Start> {
  const startedAtMs = performance.now();
  const gateway = await startProcess({
    ...WITH_METRICS,
    DATABASE_URL: world.postgres.url,
    SLUICE_DATA_DIR: data,
    SLUICE_JOURNAL_MAX_BYTES: '64GiB',
  });
  const ms = performance.now() - startedAtMs;
  const mib = await readPeakMib(gateway.process.pid ?? 0);
  const found = await readMetric(gateway.port, 'sluice_journal_backlog_records');
  const gone = once(gateway.process, 'exit');
  gateway.process.kill('SIGKILL');
  await gone;
  if (found !== entries) throw new Error(`disqualified: ${found} of ${entries} records were found`);
  return { ms, mib };
}
