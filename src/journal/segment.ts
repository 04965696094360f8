/**
 * One file of the journal, of fixed size, filled with zeros before each use, so that a sync has no metadata to
 * write. Its name and its header say the sequence of its first entry:
 *
 *   0 'SLUICEJ1' | 8 format version u32 | 12 CRC-32 u32 (of the sequence) | 16 first sequence f64 | 24 zero × 8
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';

export const SEGMENT_HEADER_BYTES = 32;
const FORMAT_VERSION = 1;

const MAGIC = Buffer.from('SLUICEJ1', 'latin1');
const SPARE = 'spare';
const RETIRED = 'retired';
const ZEROS = Buffer.alloc(1024 * 1024);

export type JournalLog = (level: 'info' | 'warn' | 'error', fields: object, message: string) => void;

/** In the folder of a gateway's journal: one for each of several processes. */
const NUMBERED = /^\d{1,2}$/;

export interface SegmentFile {
  readonly path: string;
  readonly firstSequence: number;
}

function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(20, '0')}.journal`;
}

/** The segments of a folder in order, and the names of files that are none. */
export async function listSegments(
  directory: string,
): Promise<{ segments: SegmentFile[]; strangers: string[] }> {
  const segments: SegmentFile[] = [];
  const strangers: string[] = [];
  const own = new Set([SPARE, RETIRED, 'stored', 'stored.new', 'lock', 'damaged']);
  for (const name of (await readdir(directory)).toSorted()) {
    if (/^\d{20}\.journal$/.test(name))
      segments.push({ path: join(directory, name), firstSequence: Number(name.slice(0, 20)) });
    else if (!own.has(name) && !NUMBERED.test(name)) strangers.push(name);
  }
  return { segments, strangers };
}

/** Every folder that may hold a journal of this gateway: `root`, and those of several processes in it. */
export async function listJournals(root: string): Promise<readonly string[]> {
  const numbered = (await readdir(root)).filter((name) => NUMBERED.test(name));
  return [root, ...numbered.map((name) => join(root, name))];
}

/** Deletes all segments, the spare and the retired one. The mark stays, and with it the count of entries; so does what is damaged. */
export async function emptyFolder(directory: string): Promise<void> {
  const { segments } = await listSegments(directory);
  const paths = [
    ...segments.map((segment) => segment.path),
    join(directory, SPARE),
    join(directory, RETIRED),
  ];
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

/**
 * Keeps a segment that Postgres has wholly, for the next spare. Its entries are not read again: its former name must be gone
 * from the disk before zeros lie over them, since a start after a power failure reads what has the name of a segment.
 */
export async function retireSegment(directory: string, path: string): Promise<void> {
  const retired = join(directory, RETIRED);
  try {
    await rename(path, retired);
    await syncDirectory(directory);
  } catch (error) {
    // Nobody writes over what may still have its former name: it goes, under whichever it has.
    await Promise.all([rm(path, { force: true }), rm(retired, { force: true })]);
    throw error;
  }
}

/**
 * A file of zeros that can become the next segment. A retired one becomes it, if there is one: its blocks and pages are there
 * already. Rejects with ENOSPC when the disk is full, and takes no room then.
 */
export async function prepareSpare(directory: string, segmentBytes: number): Promise<void> {
  const path = join(directory, SPARE);
  await rename(join(directory, RETIRED), path).catch(ignoreMissing);
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    // Room is known to be there within a few hundredths of a second: what is accepted meanwhile counts on it.
    for (let offset = 0; offset < segmentBytes; offset += ZEROS.length) {
      await writeAll(file, ZEROS, Math.min(ZEROS.length, segmentBytes - offset), offset);
    }
    // What is left of a run with larger segments is longer.
    await file.truncate(segmentBytes);
    await file.sync();
  } catch (error) {
    // The last bytes of a full disk are the stored mark's: without it nothing can be deleted.
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}

/** Turns the spare into the segment that begins with `firstSequence`. Every write to it is synced by itself. */
export async function takeSpare(
  directory: string,
  firstSequence: number,
): Promise<{ file: FileHandle; path: string }> {
  const path = join(directory, segmentName(firstSequence));
  const file = await open(join(directory, SPARE), constants.O_WRONLY | constants.O_DSYNC);
  try {
    await file.write(encodeHeader(firstSequence), 0, SEGMENT_HEADER_BYTES, 0);
    await rename(join(directory, SPARE), path);
    await syncDirectory(directory);
    return { file, path };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A name in a folder is safe only when the folder itself is synced. */
export async function syncDirectory(directory: string): Promise<void> {
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export type HeaderState = 'good' | 'blank' | 'bad' | 'foreign_version';

/** 'blank' = never used. */
export function inspectHeader(buffer: Buffer, firstSequence: number): HeaderState {
  if (buffer.length < SEGMENT_HEADER_BYTES) return 'bad';
  const header = buffer.subarray(0, SEGMENT_HEADER_BYTES);
  if (header.every((byte) => byte === 0)) return 'blank';
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) return 'bad';
  if (header.readUInt32LE(8) !== FORMAT_VERSION) return 'foreign_version';
  return header.equals(encodeHeader(firstSequence)) ? 'good' : 'bad';
}

function encodeHeader(firstSequence: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeDoubleLE(firstSequence, 16);
  header.writeUInt32LE(crc32(header.subarray(16, 24)), 12);
  return header;
}

/** Fills a buffer from there on, or the start of it when the file ends before. A read may be cut short, and goes on then. */
export async function readRange(file: FileHandle, start: number, buffer: Buffer): Promise<Buffer> {
  for (let length = 0; length < buffer.length;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, start + length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  return buffer;
}

/** Keeps a copy of damaged bytes, and says so. */
export async function setAside(
  directory: string,
  path: string,
  bytes: Buffer,
  offset: number,
  log: JournalLog,
): Promise<void> {
  const copy = await copyAside(directory, path, bytes, offset);
  log(
    'error',
    { file: path, offset, bytes: bytes.length, copy },
    'the disk has damaged entries of the journal; they are set aside, and what follows is kept. Check the disk',
  );
}

export async function copyAside(
  directory: string,
  path: string,
  bytes: Buffer,
  offset: number,
): Promise<string> {
  const folder = join(directory, 'damaged');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const copy = join(folder, `${basename(path, '.journal')}-${offset}.bin`);
  await writeFile(copy, bytes, { mode: 0o600 });
  return copy;
}

/** One write is one sync: the file is open for synchronised writes. A write may be cut short, and goes on then. */
export async function writeAll(
  file: FileHandle,
  buffer: Buffer,
  length: number,
  offset: number,
): Promise<void> {
  for (let written = 0; written < length;) {
    const { bytesWritten } = await file.write(buffer, written, length - written, offset + written);
    if (bytesWritten === 0) throw new Error('the disk takes no bytes');
    written += bytesWritten;
  }
}
