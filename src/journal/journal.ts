/**
 * Entries on disk, in order. Knows no record and no Postgres.
 *
 * Promise: an entry whose `synced` resolved to 'synced' is read back, in order, after any crash of the process or
 * the machine, until `advanceStored` has passed it. Group commit: one write is in flight, what arrives meanwhile is the
 * next frame, and where several wait for one frame the next begins a moment later.
 *
 * A full disk or budget refuses entries ('full') until segments are freed. A failed write is final: its entries and
 * all that wait have failed, nothing is written any more, what was synced can still be read.
 */
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCadence } from './cadence.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { createGroups, type Group } from './group.ts';
import { takeLock } from './lock.ts';
import { createPacedReader } from './reading/paced-reader.ts';
import { createReader, type Chunk } from './reading/reader.ts';
import { recoverJournal } from './recovery.ts';
import { createRoll, type RollStats, type RollValues } from './roll.ts';
import { emptyFolder, type JournalLog } from './segment.ts';
import { createWaiters, createWatermarks, startMarkKeeper } from './watermark.ts';

export interface JournalValues extends RollValues {
  /** Entries in memory that wait for the disk. */
  readonly pendingBytesMax: number;
}

export type Refused = 'full' | 'busy' | 'failed' | 'closed';
export type Append =
  | { readonly kind: 'appended'; readonly sequence: number }
  | { readonly kind: 'refused'; readonly reason: Refused };

export interface Journal {
  /** Why nothing would be taken now, whatever its size; null: something small would. */
  refusal(): Refused | null;
  /** Copies bytes [start, end) as one entry. Entries must carry their own length: they are read back as one run. */
  append(bytes: Buffer, start: number, end: number): Append;
  /** One promise for all entries of a frame. */
  synced(sequence: number): Promise<'synced' | 'failed'>;
  /** One promise and one timer for all entries of a frame. */
  stored(sequence: number, waitMs: number): Promise<'stored' | 'late'>;
  /**
   * The next synced frames, once each, waiting for some; null when the journal is closed or reading was stopped. After a
   * read that took all there was: not before `pauseMs` is over, unless somebody waits for `stored`.
   */
  read(bytesMax: number, pauseMs: number): Promise<Chunk | null>;
  /** All up to this entry is safe elsewhere. */
  advanceStored(sequence: number): void;
  /** When it was opened: what was kept with the stored mark, and how many entries there were beyond it. */
  readonly recovered: { readonly note: string; readonly entries: number; readonly lastSequence: number };
  /** From now on the stored mark is kept with what this says of it: one line. */
  keepNote(note: () => string): void;
  /** Resolves when all that was appended is synced, or has failed. */
  flush(): Promise<void>;
  stopReading(): void;
  stats(): JournalStats;
  /** Writes what is pending, keeps the stored mark, lets others have the folder. `isOver`: what is stored is deleted. */
  close(isOver?: boolean): Promise<void>;
}

export interface JournalStats extends RollStats {
  readonly state: 'open' | 'full' | 'failed' | 'closed';
  readonly appended: number;
  readonly synced: number;
  readonly stored: number;
  readonly frames: number;
  readonly pendingBytes: number;
  readonly damagedRanges: number;
  readonly damagedBytes: number;
}

const FLUSH_MS = 5000;
/** Less room than this is none: it would be a handful of records. */
const ROOM_BYTES_MIN = 256 * 1024;
const [SYNCED, FAILED] = [Promise.resolve('synced' as const), Promise.resolve('failed' as const)];
const STORED = Promise.resolve('stored' as const);

export async function openJournal(
  values: JournalValues,
  deps: { readonly log: JournalLog },
): Promise<Journal> {
  const { directory, pendingBytesMax } = values;
  const frameBytesMax = Math.min(values.frameBytesMax, Math.floor(values.segmentBytes / 4));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = await takeLock(directory);
  const giveUp = async (error: unknown): Promise<never> => {
    await lock.release();
    throw error;
  };
  const recovered = await recoverJournal(directory, frameBytesMax, deps.log).catch(giveUp);
  const { segments, lastSequence, storedSequence } = recovered;
  const marks = createWatermarks(lastSequence, storedSequence);
  const roll = await createRoll({ ...values, frameBytesMax }, segments, marks.appended() + 1, deps.log).catch(
    giveUp,
  );
  roll.dropStored(marks.stored());
  const groups = createGroups(frameBytesMax);
  const cadence = createCadence();
  const reader = createReader(marks.stored(), { directory, frameBytesMax, segments, log: deps.log });
  const waiters = createWaiters();
  const pacedReader = createPacedReader(reader, marks, waiters);
  let state: 'open' | 'failed' | 'closed' = 'open';
  let inFlight: Group | null = null;
  let isScheduled = false;
  let frames = 0;
  let note = (): string => recovered.note;
  const mark = startMarkKeeper(directory, marks, {
    log: deps.log,
    note: () => note(),
    onKept: (sequence) => roll.dropStored(sequence),
  });

  const pendingBytes = (): number => groups.pendingBytes() + (inFlight?.end ?? 0);

  /** At the end of this turn of the event loop, or of a pause: all that arrives until then shares a frame. */
  function scheduleWrite(): void {
    if (isScheduled || inFlight !== null) return;
    isScheduled = true;
    const pauseMs = cadence.startPause(performance.now());
    const begin = (): void => void writeGroups();
    if (pauseMs > 0) setTimeout(begin, pauseMs);
    else setImmediate(begin);
  }

  /** Writes the oldest group, and all full ones behind it. One that is still open may grow: it has its own turn. */
  async function writeGroups(): Promise<void> {
    isScheduled = false;
    if (state === 'failed') return;
    for (let group = groups.take(); group !== null; group = groups.takeFull()) {
      inFlight = group;
      cadence.begin(performance.now(), group.waiters);
      try {
        await roll.write(group.buffer, group.end, group.firstSequence);
      } catch (error) {
        fail(group, error);
        return;
      }
      confirm(group);
    }
    inFlight = null;
    if (groups.openGroup() !== null) scheduleWrite();
  }

  function noteWaiter(group: Group): void {
    group.waiters++;
    if (group !== inFlight) cadence.arrive(performance.now());
  }

  function confirm(group: Group): void {
    const lastSequence = group.firstSequence + group.entries - 1;
    roll.confirm(group.end, lastSequence);
    marks.advanceSynced(lastSequence);
    frames++;
    group.settle('synced');
    groups.release(group);
    pacedReader.wake();
  }

  function fail(group: Group, error: unknown): void {
    state = 'failed';
    inFlight = null;
    deps.log('error', { err: error }, 'the journal cannot write: records are refused until a restart');
    group.settle('failed');
    groups.failAll();
  }

  async function flush(): Promise<void> {
    await Promise.all([inFlight?.synced, groups.openGroup()?.synced]);
    if (state === 'open' && marks.synced() < marks.appended()) await new Promise(setImmediate).then(flush);
  }

  return {
    refusal() {
      if (state !== 'open') return state;
      if (pendingBytes() >= pendingBytesMax) return 'busy';
      return roll.roomBytes() < ROOM_BYTES_MIN ? 'full' : null;
    },
    append(bytes, start, end) {
      if (state !== 'open') return { kind: 'refused', reason: state };
      const length = end - start + FRAME_HEADER_BYTES;
      if (length > frameBytesMax) throw new RangeError(`an entry of ${end - start} bytes fits no frame`);
      const pending = pendingBytes() + length;
      if (pending > pendingBytesMax) return { kind: 'refused', reason: 'busy' };
      if (pending > roll.roomBytes()) return { kind: 'refused', reason: 'full' };
      const sequence = marks.append();
      groups.add(bytes, start, end, sequence);
      scheduleWrite();
      return { kind: 'appended', sequence };
    },
    synced(sequence) {
      if (sequence <= marks.synced()) return SYNCED;
      if (state === 'failed') return FAILED;
      const group = groups.find(sequence) ?? inFlight;
      if (group === null) return FAILED;
      noteWaiter(group);
      return group.synced;
    },
    stored(sequence, waitMs) {
      if (sequence <= marks.stored()) return STORED;
      pacedReader.hurry();
      const open = groups.openGroup();
      if (open === null || sequence < open.firstSequence) return waiters.wait(() => sequence, waitMs);
      // Its frame is stored as a whole: everybody in it waits for its last entry.
      noteWaiter(open);
      open.stored ??= waiters.wait(() => open.firstSequence + open.entries - 1, waitMs);
      return open.stored;
    },
    read: (bytesMax, pauseMs) => pacedReader.read(bytesMax, pauseMs),
    advanceStored(sequence) {
      marks.advanceStored(sequence);
      waiters.advance(sequence);
      if (roll.canDrop(sequence)) void mark.keep();
    },
    recovered: { note: recovered.note, entries: lastSequence - storedSequence, lastSequence },
    keepNote(wanted) {
      note = wanted;
    },
    flush,
    stopReading: () => pacedReader.stop(),
    stats: () => ({
      state: state === 'open' && roll.roomBytes() < ROOM_BYTES_MIN ? 'full' : state,
      appended: marks.appended(),
      synced: marks.synced(),
      stored: marks.stored(),
      frames,
      pendingBytes: pendingBytes(),
      ...roll.stats(marks.stored()),
      damagedRanges: recovered.damagedRanges + reader.stats().damagedRanges,
      damagedBytes: recovered.damagedBytes + reader.stats().damagedBytes,
    }),
    async close(isOver = false) {
      // A disk without room must not hold up a stop.
      await Promise.race([flush(), sleep(FLUSH_MS, undefined, { ref: false })]);
      state = 'closed';
      pacedReader.stop();
      await reader.close();
      await mark.stop();
      await roll.close();
      if (isOver && marks.stored() === marks.appended()) await emptyFolder(directory);
      await lock.release();
    },
  };
}
