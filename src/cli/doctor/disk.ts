/** What doctor looks at in the data folder. Reads only; a gateway may be using it. */
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { FRAME_BYTES_MAX, scanFrames } from '../../journal/frame.ts';
import { listJournals, listSegments, SEGMENT_HEADER_BYTES } from '../../journal/segment.ts';
import { readMark } from '../../journal/watermark.ts';
import { error, ok, warning, type Finding } from './finding.ts';

const MIB = 1024 * 1024;

export async function checkDisk(config: Config): Promise<readonly Finding[]> {
  const root = join(config.dataDirectory, 'journal');
  let directories: readonly string[];
  try {
    directories = await listJournals(root);
  } catch {
    return [ok('journal', `none yet: no gateway has run with ${config.dataDirectory}`)];
  }
  const disk = await statfs(root);
  const freeBytes = disk.bavail * disk.bsize;
  const journals = await Promise.all(directories.map(readJournal));
  const sum = (name: 'bytes' | 'segments' | 'damaged' | 'waiting'): number =>
    journals.reduce((total, journal) => total + journal[name], 0);
  const wantedBytes = Math.max(0, config.journalBytesMax - sum('bytes'));
  return [
    freeBytes < wantedBytes
      ? warning(
          'disk',
          `${mib(freeBytes)} are free, and the journal may take ${mib(wantedBytes)} more: lower SLUICE_JOURNAL_MAX_BYTES or make room.`,
        )
      : ok('disk', `${mib(freeBytes)} are free`),
    ...journals
      .filter((journal) => journal.hasSpoilt)
      .map(({ directory }) =>
        warning(
          'journal',
          `${join(directory, 'damaged')} holds what the disk had spoilt: records in it are lost to Postgres. Look, then delete it.`,
        ),
      ),
    sum('damaged') > 0
      ? error(
          'journal',
          `${sum('damaged')} place(s) cannot be read: the disk is failing. They are set aside when read.`,
        )
      : ok('journal', `${sum('segments')} segment(s), all readable`),
    ok('journal', `${sum('waiting')} record(s) wait for Postgres, or were written in the last second`),
  ];
}

interface JournalFindings {
  readonly directory: string;
  readonly bytes: number;
  readonly segments: number;
  readonly damaged: number;
  readonly waiting: number;
  readonly hasSpoilt: boolean;
}

/** What waits there, as a recovery would find it. What lies behind the last good frame may be being written right now. */
async function readJournal(directory: string): Promise<JournalFindings> {
  const mark = await readMark(directory);
  const { segments } = await listSegments(directory);
  let last = Math.max(0, (segments[0]?.firstSequence ?? 1) - 1);
  let damaged = 0;
  for (const { path, firstSequence } of segments) {
    const bytes = await readFile(path).catch(() => null);
    // Taken away meanwhile, and filled with zeros perhaps: a gateway is running, and Postgres has it.
    if (bytes === null || (await sizeOf(path)) === null) continue;
    const values = { firstSequence, before: last, frameBytesMax: FRAME_BYTES_MAX };
    const scan = scanFrames(bytes, SEGMENT_HEADER_BYTES, values);
    damaged += scan.bad.filter((range) => range.start < scan.end).length;
    last = Math.max(last, scan.lastSequence);
  }
  return {
    directory,
    bytes: await sumBytes(directory),
    segments: segments.length,
    damaged,
    waiting: Math.max(0, last - mark.sequence),
    hasSpoilt: (await readdir(directory)).includes('damaged'),
  };
}

/** Of all files of the journal, the spare and the retired one included. */
async function sumBytes(directory: string): Promise<number> {
  const files = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(({ name }) => sizeOf(join(directory, name))));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Null when it is not there any more. */
function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
