/**
 * One frame = one group of entries = one write = one sync. Layout, little endian:
 *
 *   0 magic u32 | 4 CRC-32 u32 | 8 payload bytes u32 | 12 entries u32 | 16 first sequence f64 | 24 zero × 8 | payload
 *
 * The checksum covers everything behind it. Since the next frame is written only after this one is synced, a frame
 * that is not good and has a good one behind it was good once: that is damage, not an interrupted write.
 */
import { crc32 } from 'node:zlib';

export const FRAME_HEADER_BYTES = 32;
/** What one flipped byte on the disk can cost, and what one sync writes at most; header included. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;
/** An entry is a record's bytes in the journal: the largest has a frame of its own. */
export const ENTRY_BYTES_MAX = FRAME_BYTES_MAX - FRAME_HEADER_BYTES;

const MAGIC = 0x464a4c53; // 'SLJF' as bytes
const MAGIC_BYTES = Buffer.from('SLJF', 'latin1');
const CHECKED_FROM = 8;

export interface FrameHead {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly payloadStart: number;
  readonly end: number;
}

/** What lies at an offset: a good frame; zeros or nothing; the start of a good frame that goes on; anything else. */
export type FrameState =
  | { readonly kind: 'good'; readonly head: FrameHead }
  | { readonly kind: 'end' }
  | { readonly kind: 'short'; readonly bytesNeeded: number }
  | { readonly kind: 'bad' };

/** Completes the header of a frame whose payload already lies at [start + header, end) of `buffer`. */
export function sealFrame(
  buffer: Buffer,
  start: number,
  end: number,
  entries: number,
  firstSequence: number,
): void {
  buffer.writeUInt32LE(MAGIC, start);
  buffer.writeUInt32LE(end - start - FRAME_HEADER_BYTES, start + 8);
  buffer.writeUInt32LE(entries, start + 12);
  buffer.writeDoubleLE(firstSequence, start + 16);
  buffer.fill(0, start + 24, start + FRAME_HEADER_BYTES);
  buffer.writeUInt32LE(crc32(buffer.subarray(start + CHECKED_FROM, end)), start + 4);
}

/** Judges what lies at `offset`. 'short' = the buffer ends before the frame that its header promises. */
export function inspectFrame(buffer: Buffer, offset: number, frameBytesMax: number): FrameState {
  if (buffer.length - offset < FRAME_HEADER_BYTES) {
    return isZero(buffer, offset, buffer.length) ? { kind: 'end' } : { kind: 'bad' };
  }
  if (buffer.readUInt32LE(offset) !== MAGIC) {
    return isZero(buffer, offset, offset + FRAME_HEADER_BYTES) ? { kind: 'end' } : { kind: 'bad' };
  }
  const payloadBytes = buffer.readUInt32LE(offset + 8);
  const entries = buffer.readUInt32LE(offset + 12);
  const firstSequence = buffer.readDoubleLE(offset + 16);
  const end = offset + FRAME_HEADER_BYTES + payloadBytes;
  const isPlausible =
    payloadBytes > 0 &&
    payloadBytes <= frameBytesMax &&
    entries > 0 &&
    Number.isInteger(firstSequence) &&
    Number.isSafeInteger(firstSequence + entries - 1);
  if (!isPlausible) return { kind: 'bad' };
  if (end > buffer.length) return { kind: 'short', bytesNeeded: end - offset };
  if (crc32(buffer.subarray(offset + CHECKED_FROM, end)) !== buffer.readUInt32LE(offset + 4))
    return { kind: 'bad' };
  const lastSequence = firstSequence + entries - 1;
  return {
    kind: 'good',
    head: { firstSequence, lastSequence, payloadStart: offset + FRAME_HEADER_BYTES, end },
  };
}

/**
 * The offset of the next good frame behind damage, or -1. Its entries must be later, and no further on than the damage can have
 * had entries, each of a byte at least: anything else is what a sender wrote to look like a frame.
 */
export function findNextFrame(
  buffer: Buffer,
  from: number,
  sequenceMin: number,
  frameBytesMax: number,
): number {
  for (
    let offset = buffer.indexOf(MAGIC_BYTES, from);
    offset !== -1;
    offset = buffer.indexOf(MAGIC_BYTES, offset + 1)
  ) {
    const state = inspectFrame(buffer, offset, frameBytesMax);
    const sequenceMax = sequenceMin + offset - from + 1;
    if (state.kind !== 'good') continue;
    if (state.head.firstSequence >= sequenceMin && state.head.firstSequence <= sequenceMax) return offset;
  }
  return -1;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface FrameScan {
  /** Of the last good frame; firstSequence - 1 when there is none. */
  readonly lastSequence: number;
  /** Where the last good frame ends. */
  readonly end: number;
  /** What is neither a good frame nor unused. */
  readonly bad: readonly ByteRange[];
  readonly firstGood: number | null;
}

export interface ScanValues {
  readonly firstSequence: number;
  /** The last sequence of what lies before this segment. */
  readonly before: number;
  readonly frameBytesMax: number;
}

/** Walks over the frames of a segment. */
export function scanFrames(bytes: Buffer, start: number, values: ScanValues): FrameScan {
  const bad: ByteRange[] = [];
  let lastSequence = values.firstSequence - 1;
  let firstGood: number | null = null;
  let end = start;
  let offset = start;
  while (offset < bytes.length) {
    const state = inspectFrame(bytes, offset, values.frameBytesMax);
    if (state.kind === 'good' && state.head.firstSequence > lastSequence) {
      firstGood ??= state.head.firstSequence;
      lastSequence = state.head.lastSequence;
      end = offset = state.head.end;
      continue;
    }
    const next = findNextFrame(
      bytes,
      offset + 1,
      Math.max(lastSequence, values.before) + 1,
      values.frameBytesMax,
    );
    if (state.kind === 'end' && next === -1) break;
    bad.push({ start: offset, end: next === -1 ? bytes.length : next });
    if (next === -1) break;
    offset = next;
  }
  return { lastSequence, end, bad, firstGood };
}

function isZero(buffer: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (buffer[index] !== 0) return false;
  return true;
}
