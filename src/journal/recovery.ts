/**
 * What a journal holds after whatever has happened to it. Every place that a scan comes to has a state; state,
 * place and the stored mark are looked up in a table, and each combination meets exactly one row of it.
 *
 * Nothing is skipped silently: what is cut or set aside is copied to damaged/, counted and logged.
 */
import { readFile, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { scanFrames, type ByteRange, type FrameScan } from './frame.ts';
import {
  copyAside,
  inspectHeader,
  listSegments,
  SEGMENT_HEADER_BYTES,
  setAside,
  type JournalLog,
  type SegmentFile,
} from './segment.ts';
import { readMark } from './watermark.ts';

export type ScanState = 'good' | 'end' | 'bad' | 'gap' | 'overlap';
export type Place = 'last' | 'middle';
export type MarkSide = 'stored' | 'above';
export type Decision = 'keep' | 'cut' | 'set aside' | 'stop';

export interface RecoveryRow {
  readonly state: ScanState;
  readonly place: Place | 'any';
  readonly mark: MarkSide | 'any';
  readonly decision: Decision;
  readonly because: string;
}

/** `place` is 'middle' when a good frame follows; `mark` is 'stored' when all that is missing is in Postgres. */
export const recoveryTable: readonly RecoveryRow[] = [
  {
    state: 'good',
    place: 'any',
    mark: 'any',
    decision: 'keep',
    because: 'it was synced; what Postgres has is not sent again',
  },
  { state: 'end', place: 'any', mark: 'any', decision: 'keep', because: 'the unused rest of a segment' },
  {
    state: 'bad',
    place: 'last',
    mark: 'any',
    decision: 'cut',
    because: 'a crash in the middle of the last write, which nobody was promised',
  },
  {
    state: 'bad',
    place: 'middle',
    mark: 'any',
    decision: 'set aside',
    because: 'the next frame is written only after this one is synced: the disk has lost it',
  },
  {
    state: 'gap',
    place: 'any',
    mark: 'stored',
    decision: 'keep',
    because: 'a segment was deleted after Postgres had all of it',
  },
  {
    state: 'gap',
    place: 'any',
    mark: 'above',
    decision: 'stop',
    because: 'a segment is missing that Postgres does not have',
  },
  {
    state: 'overlap',
    place: 'any',
    mark: 'any',
    decision: 'stop',
    because: 'two segments hold the same entries: one of them is a copy',
  },
];

export function decide(state: ScanState, place: Place, mark: MarkSide): RecoveryRow {
  const row = recoveryTable.find(
    (each) =>
      each.state === state &&
      (each.place === 'any' || each.place === place) &&
      (each.mark === 'any' || each.mark === mark),
  );
  if (row === undefined) throw new Error(`no rule for ${state}, ${place}, ${mark}`);
  return row;
}

/** A segment as far as it can be read. */
export interface SegmentContent {
  readonly path: string;
  readonly firstSequence: number;
  lastSequence: number;
  /** Where its good frames end. */
  end: number;
  /** What it takes on the disk. */
  sizeBytes: number;
  /** Ranges before `end` that are damaged and set aside. */
  readonly damaged: readonly ByteRange[];
}

export interface Recovered {
  readonly segments: SegmentContent[];
  readonly lastSequence: number;
  readonly storedSequence: number;
  /** What was kept with the stored mark; '' when that is not what is stored. */
  readonly note: string;
  readonly damagedRanges: number;
  readonly damagedBytes: number;
}

/** Throws one sentence, naming the file and what to do, when the table says stop. */
export async function recoverJournal(
  directory: string,
  frameBytesMax: number,
  log: JournalLog,
): Promise<Recovered> {
  const mark = await readMark(directory);
  const { segments: files, strangers } = await listSegments(directory);
  for (const name of strangers)
    log('warn', { file: join(directory, name) }, 'not a file of the journal; ignored');
  const contents: SegmentContent[] = [];
  let last = Math.max(0, (files[0]?.firstSequence ?? 1) - 1);
  const stored = Math.max(mark.sequence, last);
  let damagedRanges = 0;
  let damagedBytes = 0;

  for (const [index, file] of files.entries()) {
    const bytes = await readFile(file.path);
    checkHeader(file, bytes, log);
    const scan = scanFrames(bytes, SEGMENT_HEADER_BYTES, {
      firstSequence: file.firstSequence,
      before: last,
      frameBytesMax,
    });
    checkContinuity(file, scan, last, stored);
    const isFollowed = index < files.length - 1;
    const damaged: ByteRange[] = [];
    for (const range of scan.bad) {
      const place = isFollowed || range.start < scan.end ? 'middle' : 'last';
      const row = decide('bad', place, 'above');
      if (row.decision === 'cut') {
        await cutTail(directory, file, bytes, range, log);
        continue;
      }
      damaged.push(range);
      damagedRanges++;
      damagedBytes += range.end - range.start;
      await setAside(directory, file.path, bytes.subarray(range.start, range.end), range.start, log);
    }
    last = Math.max(last, scan.lastSequence);
    if (scan.lastSequence < file.firstSequence && damaged.length === 0) await unlink(file.path);
    else
      contents.push({
        ...file,
        lastSequence: scan.lastSequence,
        end: scan.end,
        damaged,
        sizeBytes: await sizeOf(file.path),
      });
  }
  return {
    segments: contents,
    lastSequence: Math.max(last, mark.sequence),
    storedSequence: stored,
    note: stored === mark.sequence ? mark.note : '',
    damagedRanges,
    damagedBytes,
  };
}

function checkHeader(file: SegmentFile, bytes: Buffer, log: JournalLog): void {
  const state = inspectHeader(bytes, file.firstSequence);
  if (state === 'foreign_version') {
    throw new Error(
      `${file.path} was written by another release of Sluice. Let that release empty the journal first.`,
    );
  }
  if (state !== 'good')
    log(
      'warn',
      { file: file.path },
      'the header of a journal segment is damaged; its frames are read all the same',
    );
}

function checkContinuity(file: SegmentFile, scan: FrameScan, last: number, stored: number): void {
  const missingTo = (scan.bad.length > 0 ? file.firstSequence : (scan.firstGood ?? file.firstSequence)) - 1;
  const state: ScanState = file.firstSequence <= last ? 'overlap' : missingTo > last ? 'gap' : 'good';
  if (decide(state, 'middle', missingTo <= stored ? 'stored' : 'above').decision !== 'stop') return;
  throw new Error(
    state === 'gap'
      ? `The journal lacks the entries ${last + 1} to ${missingTo}, before ${file.path}, and Postgres does not have them. ` +
          'Bring the missing segment back; or, to give these entries up, move the segments before it away.'
      : `${file.path} begins at entry ${file.firstSequence}, but the journal goes to ${last} before it. ` +
          'One of the two segments is a copy: move it away.',
  );
}

async function cutTail(
  directory: string,
  file: SegmentFile,
  bytes: Buffer,
  range: ByteRange,
  log: JournalLog,
): Promise<void> {
  const tail = bytes.subarray(range.start, lastUsed(bytes, range.start));
  const copy = await copyAside(directory, file.path, tail, range.start);
  log(
    'warn',
    { file: file.path, offset: range.start, bytes: tail.length, copy },
    'an interrupted write at the end of the journal is cut off; nobody was promised it',
  );
  await truncate(file.path, range.start);
}

function lastUsed(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size;
}
