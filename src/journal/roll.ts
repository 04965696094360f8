/**
 * The segments on the disk: the one being written, the spare that will follow it, those that wait for Postgres, and one that
 * Postgres has and that is retired for the next spare. Keeps within a budget, and takes a full disk for a state, not for an accident.
 */
import type { FileHandle } from 'node:fs/promises';
import { unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDurations, type DurationStats } from '../measure/durations.ts';
import type { SegmentContent } from './recovery.ts';
import {
  prepareSpare,
  retireSegment,
  SEGMENT_HEADER_BYTES,
  syncDirectory,
  takeSpare,
  writeAll,
  type JournalLog,
} from './segment.ts';

export interface Roll {
  stats(storedSequence: number): RollStats;
  /** Bytes that can surely still be written, whatever the frames' sizes; 0 = the journal is full. */
  roomBytes(): number;
  /** Writes `bytes` of the buffer, synced, into the segment in use, or at the start of the next one. */
  write(buffer: Buffer, bytes: number, firstSequence: number): Promise<void>;
  /** What was written is good, up to this entry. */
  confirm(bytes: number, lastSequence: number): void;
  /** Whether `dropStored` would take a segment away. */
  canDrop(storedSequence: number): boolean;
  /** Takes segments away that Postgres has wholly; makes room for a spare. */
  dropStored(storedSequence: number): void;
  close(): Promise<void>;
}

export interface RollStats {
  /** Of whole segments, the spare and the retired one included. */
  readonly bytesOnDisk: number;
  readonly roomBytes: number;
  /** Of frames that Postgres does not have; within a segment by the part of its entries. */
  readonly backlogBytes: number;
  /** Of frames, each synced; the start of a segment included. */
  readonly writes: DurationStats;
}

export interface RollValues {
  readonly directory: string;
  readonly segmentBytes: number;
  /** All segments together, the spare and the retired one included. */
  readonly journalBytesMax: number;
  /** A frame, header included; at most a quarter of a segment. */
  readonly frameBytesMax: number;
}

const RETRY_MS = 1000;

/** `segments` is shared with the reader. Rejects when not even one segment can be made. */
export async function createRoll(
  values: RollValues,
  segments: SegmentContent[],
  nextSequence: number,
  log: JournalLog,
): Promise<Roll> {
  const { directory, segmentBytes } = values;
  let bytesOnDisk = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  let file: FileHandle | null = null;
  let offset = segmentBytes;
  let spare: Promise<boolean> | null = null;
  let isSpareReady = false;
  /** While there is a retired segment: settles when it has its new name. */
  let retired: Promise<void> | null = null;
  /** Segments leave in order, oldest first: a start that found a gap would miss what Postgres has. */
  let leaving: Promise<void> = Promise.resolve();
  let isDiskFull = false;
  let isClosed = false;
  let starting: Promise<unknown> = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  const writes = createDurations();

  /**
   * Starts to make a spare when there is none, and a retired segment or a budget for one. Resolves to whether there is one. The
   * first segment of a run has to be, whatever the budget: a full journal could never be emptied otherwise.
   */
  function wantSpare(isFirst: boolean): Promise<boolean> {
    if (spare !== null) return spare;
    const isAffordable = isFirst || retired !== null || bytesOnDisk + segmentBytes <= values.journalBytesMax;
    if (isClosed || !isAffordable) return Promise.resolve(false);
    if (retired === null) bytesOnDisk += segmentBytes;
    const renamed = retired ?? Promise.resolve();
    retired = null;
    spare = renamed
      .then(() => prepareSpare(directory, segmentBytes))
      .then(
        () => {
          if (isDiskFull) log('info', {}, 'the disk of the journal has room again');
          isDiskFull = false;
          isSpareReady = true;
          return true;
        },
        (error: unknown) => {
          bytesOnDisk -= segmentBytes;
          spare = null;
          if (!isDiskFull)
            log('error', { err: error }, 'no room for another journal segment; trying again each second');
          isDiskFull = true;
          retry = setTimeout(() => void wantSpare(false), RETRY_MS);
          retry.unref();
          return false;
        },
      );
    return spare;
  }

  /** Waits for room, except at the very start: what is already accepted must not fail for a full disk. */
  async function startSegment(firstSequence: number, isFirst: boolean): Promise<void> {
    while (!(await wantSpare(isFirst))) {
      if (isFirst || isClosed)
        throw new Error(`there is no room for a journal segment in ${directory}: free some`);
      await sleep(RETRY_MS);
    }
    // The folder may be another's by now.
    if (isClosed) throw new Error('the journal was closed before its next segment was there');
    const taken = await takeSpare(directory, firstSequence);
    spare = null;
    isSpareReady = false;
    await file?.close();
    file = taken.file;
    offset = SEGMENT_HEADER_BYTES;
    segments.push({
      path: taken.path,
      firstSequence,
      lastSequence: firstSequence - 1,
      end: SEGMENT_HEADER_BYTES,
      sizeBytes: segmentBytes,
      damaged: [],
    });
    void wantSpare(false);
  }

  /** Kept for the next spare, if none is and the budget allows it; else deleted. */
  function retire({ path, sizeBytes, damaged }: SegmentContent): void {
    const isSound = sizeBytes === segmentBytes && damaged.length === 0;
    if (!isSound || retired !== null || bytesOnDisk > values.journalBytesMax) {
      bytesOnDisk -= sizeBytes;
      remove(path);
      return;
    }
    // A spare in the making may be taking the one before.
    retired = Promise.all([leaving, spare])
      .then(() => retireSegment(directory, path))
      .catch((error: unknown) => log('warn', { err: error }, 'a stored journal segment cannot be kept'));
    leaving = retired;
  }

  function remove(path: string): void {
    leaving = leaving
      .then(() => unlink(path))
      .catch((error: unknown) => log('warn', { err: error }, 'a stored journal segment cannot be deleted'));
  }

  try {
    // One may have been retired by a process that was killed before the folder was synced.
    await syncDirectory(directory);
    await startSegment(nextSequence, true);
  } catch (error) {
    // Another gateway may have the folder next.
    isClosed = true;
    clearTimeout(retry);
    throw error;
  }

  const canDrop = (storedSequence: number): boolean =>
    segments.length > 1 && (segments[0]?.lastSequence ?? Infinity) <= storedSequence;

  function roomBytes(): number {
    const isMaking = spare !== null && !isDiskFull;
    const allowed = isDiskFull
      ? 0
      : Math.floor(Math.max(0, values.journalBytesMax - bytesOnDisk) / segmentBytes);
    // Not on a full disk: some file systems need new blocks to write over old ones.
    const reusable = retired !== null && !isDiskFull ? 1 : 0;
    const segmentsLeft = (isSpareReady || isMaking ? 1 : 0) + reusable + allowed;
    // The last frame that does not fit leaves the rest of a segment unused.
    return segmentsLeft === 0
      ? segmentBytes - offset
      : segmentsLeft * (segmentBytes - SEGMENT_HEADER_BYTES - values.frameBytesMax);
  }

  return {
    stats: (storedSequence) => ({
      bytesOnDisk,
      roomBytes: roomBytes(),
      backlogBytes: Math.round(segments.reduce((sum, one) => sum + bytesBeyond(one, storedSequence), 0)),
      writes: writes.stats(),
    }),
    roomBytes,
    async write(buffer, bytes, firstSequence) {
      const startedAtMs = performance.now();
      if (file === null || offset + bytes > segmentBytes) {
        starting = startSegment(firstSequence, false);
        await starting;
      }
      if (file === null) throw new Error('a segment was started, and there is none');
      await writeAll(file, buffer, bytes, offset);
      writes.count(performance.now() - startedAtMs);
    },
    confirm(bytes, lastSequence) {
      offset += bytes;
      const segment = segments.at(-1);
      if (segment === undefined) throw new Error('a frame was written, and there is no segment');
      segment.end = offset;
      segment.lastSequence = lastSequence;
    },
    canDrop,
    dropStored(storedSequence) {
      let dropped = 0;
      while (canDrop(storedSequence)) {
        const segment = segments.shift();
        if (segment === undefined) break;
        dropped++;
        retire(segment);
      }
      if (dropped > 0) void wantSpare(false);
    },
    async close() {
      isClosed = true;
      clearTimeout(retry);
      await Promise.all([spare, leaving]);
      // Whoever waited for the spare gives up now, or is already taking it.
      await starting.catch(() => undefined);
      await file?.close();
      await syncDirectory(directory);
    },
  };
}

function bytesBeyond({ firstSequence, lastSequence, end }: SegmentContent, sequence: number): number {
  const entries = lastSequence - firstSequence + 1;
  if (entries <= 0) return 0;
  const beyond = Math.min(entries, Math.max(0, lastSequence - sequence));
  return ((end - SEGMENT_HEADER_BYTES) * beyond) / entries;
}
