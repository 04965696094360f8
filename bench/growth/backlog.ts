/**
 * What a journal costs that Postgres has nothing of, by its size: how long a gateway takes to come up, the memory that takes,
 * and what another record costs. One journal grows from point to point, so that points are not interleaved. It is read from
 * the page cache as far as that holds it. While gateways start, the table is locked: none of it gets away.
 */
import { once } from 'node:events';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from '../../test/setup/gateway.ts';
import { appendBytes, openLarge } from '../micro/recovery.ts';
import { spreadOf } from '../rounds.ts';
import { readPeakMib } from '../table/process.ts';
import { connectBench, type World } from '../world.ts';
import { stepsTo, type Curve, type CurveLine } from './curve.ts';

export interface BacklogValues {
  readonly rounds: number;
  readonly backlogMibMax: number;
  /** Appended at each point, to be timed. */
  readonly appendedMib: number;
}

const MIB = 1024 * 1024;
const STEPS = [0, 100, 1024, 4096];
/** Of what is free: Postgres and others need the rest. */
const DISK_SHARE = 0.5;

export async function growBacklog(
  world: World,
  values: BacklogValues,
  tell: (line: string) => void,
): Promise<Curve> {
  const data = join(world.directory, 'backlog');
  const directory = join(data, 'journal');
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  const roomMib = Math.floor((bavail * bsize * DISK_SHARE) / MIB);
  const backlogMibMax = Math.min(values.backlogMibMax, roomMib);
  const found = {
    startMs: pointsOf('start until it listens', 'ms'),
    mib: pointsOf('memory at its largest', 'MiB'),
    us: pointsOf('another record, with its share of the sync', 'µs'),
  };
  let bytes = 0;
  try {
    for (const size of stepsTo(backlogMibMax, STEPS)) {
      tell(`backlog: to ${size} MiB`);
      bytes += await append(directory, backlogMibMax, size * MIB - bytes);
      const starts = await startAll(world, data, size, values.rounds, tell);
      found.startMs.points.push({ size, measured: spreadOf(starts.map(({ ms }) => ms)) });
      found.mib.points.push({ size, measured: spreadOf(starts.map(({ mib }) => mib)) });
      const appends = await timeAppends(directory, backlogMibMax, values);
      bytes += appends.bytes;
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

async function append(directory: string, backlogMibMax: number, bytes: number): Promise<number> {
  if (bytes <= 0) return 0;
  const journal = await openLarge(directory, backlogMibMax * MIB);
  const appended = await appendBytes(journal, bytes);
  await journal.close();
  return appended.bytes;
}

async function timeAppends(
  directory: string,
  backlogMibMax: number,
  { rounds, appendedMib }: BacklogValues,
): Promise<{ readonly us: readonly number[]; readonly bytes: number }> {
  const journal = await openLarge(directory, backlogMibMax * MIB);
  const us: number[] = [];
  let bytes = 0;
  for (let round = -1; round < rounds; round++) {
    const startedAtMs = performance.now();
    const appended = await appendBytes(journal, appendedMib * MIB);
    bytes += appended.bytes;
    if (round >= 0) us.push(((performance.now() - startedAtMs) * 1000) / appended.entries);
  }
  await journal.close();
  return { us, bytes };
}

interface Start {
  readonly ms: number;
  readonly mib: number;
}

async function startAll(
  world: World,
  data: string,
  size: number,
  rounds: number,
  tell: (line: string) => void,
): Promise<readonly Start[]> {
  const holder = connectBench(world.postgres.url, 1);
  const starts: Start[] = [];
  try {
    await holder.begin(async (tx) => {
      await tx`LOCK TABLE hits`;
      for (let round = -1; round < rounds; round++) {
        tell(`backlog: start with ${size} MiB, round ${round + 1} of ${rounds}`);
        const start = await startOnce(world, data);
        if (round >= 0) starts.push(start);
      }
    });
  } finally {
    await holder.end({ timeout: 1 });
  }
  return starts;
}

/** Killed: a gateway that stops would bring its journal to Postgres first. */
async function startOnce(world: World, data: string): Promise<Start> {
  const startedAtMs = performance.now();
  const gateway = await startProcess({
    DATABASE_URL: world.postgres.url,
    SLUICE_DATA_DIR: data,
    SLUICE_JOURNAL_MAX_BYTES: '64GiB',
  });
  const ms = performance.now() - startedAtMs;
  const mib = await readPeakMib(gateway.process.pid ?? 0);
  const gone = once(gateway.process, 'exit');
  gateway.process.kill('SIGKILL');
  await gone;
  return { ms, mib };
}
