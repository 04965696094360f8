/** What doctor looks at in the data folder. Reads only; a gateway may be using it. */
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { scanFrames } from '../../journal/frame.ts';
import { listSegments, SEGMENT_HEADER_BYTES } from '../../journal/segment.ts';
import { readMark } from '../../journal/watermark.ts';
import { error, ok, warning, type Finding } from './finding.ts';

const MIB = 1024 * 1024;

export async function checkDisk(config: Config): Promise<readonly Finding[]> {
  const directory = join(config.dataDirectory, 'journal');
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch {
    return [ok('journal', `none yet: no gateway has run with ${config.dataDirectory}`)];
  }
  const disk = await statfs(directory);
  const freeBytes = disk.bavail * disk.bsize;
  const used = await sumBytes(directory);
  const wantedBytes = Math.max(0, config.journalBytesMax - used);
  return [
    freeBytes < wantedBytes
      ? warning(
          'disk',
          `${mib(freeBytes)} are free, and the journal may take ${mib(wantedBytes)} more: lower SLUICE_JOURNAL_MAX_BYTES or make room.`,
        )
      : ok('disk', `${mib(freeBytes)} are free`),
    ...(names.includes('damaged')
      ? [
          warning(
            'journal',
            `${join(directory, 'damaged')} holds what the disk had spoilt: records in it are lost to Postgres. Look, then delete it.`,
          ),
        ]
      : []),
    ...(await checkSegments(directory)),
  ];
}

/** What waits there, as a recovery would find it. What lies behind the last good frame may be being written right now. */
async function checkSegments(directory: string): Promise<readonly Finding[]> {
  const mark = await readMark(directory);
  const { segments } = await listSegments(directory);
  let last = Math.max(0, (segments[0]?.firstSequence ?? 1) - 1);
  let damaged = 0;
  for (const { path, firstSequence } of segments) {
    const bytes = await readFile(path).catch(() => null);
    // Deleted meanwhile: a gateway is running, and Postgres has it.
    if (bytes === null) continue;
    const values = { firstSequence, before: last, frameBytesMax: FRAME_BYTES_MAX };
    const scan = scanFrames(bytes, SEGMENT_HEADER_BYTES, values);
    damaged += scan.bad.filter((range) => range.start < scan.end).length;
    last = Math.max(last, scan.lastSequence);
  }
  const waiting = Math.max(0, last - mark.sequence);
  return [
    damaged > 0
      ? error(
          'journal',
          `${damaged} place(s) cannot be read: the disk is failing. They are set aside when read.`,
        )
      : ok('journal', `${segments.length} segment(s), all readable`),
    ok('journal', `${waiting} record(s) wait for Postgres, or were written in the last second`),
  ];
}

async function sumBytes(directory: string): Promise<number> {
  const { segments } = await listSegments(directory);
  const sizes = await Promise.all(
    segments.map((segment) =>
      stat(segment.path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const FRAME_BYTES_MAX = 4 * MIB;
const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
