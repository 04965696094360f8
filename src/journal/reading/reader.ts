/**
 * Reads synced frames in order, once each, for its one caller. The checksum is looked at again: what the disk has
 * damaged since it was written is set aside like at the start, and reading goes on behind it.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { findNextFrame, inspectFrame } from '../frame.ts';
import type { SegmentContent } from '../recovery.ts';
import { createScratch } from '../../memory/scratch.ts';
import { readRange, SEGMENT_HEADER_BYTES, setAside, type JournalLog } from '../segment.ts';

export interface Chunk {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The entries of whole frames, one behind the other; until the next read. */
  readonly entries: Buffer;
}

export interface Reader {
  /** The next frames, at least one; null when all that is synced has been read. */
  next(bytesMax: number): Promise<Chunk | null>;
  stats(): { readonly damagedRanges: number; readonly damagedBytes: number };
  close(): Promise<void>;
}

export interface ReaderDeps {
  readonly directory: string;
  readonly frameBytesMax: number;
  /** Shared with the writer: it appends segments and moves the end of the last one. */
  readonly segments: readonly SegmentContent[];
  readonly log: JournalLog;
}

/** Entries up to `storedSequence` are passed over. */
export function createReader(storedSequence: number, deps: ReaderDeps): Reader {
  let segment: SegmentContent | undefined;
  let file: { readonly path: string; readonly handle: FileHandle } | null = null;
  let offset = SEGMENT_HEADER_BYTES;
  let readTo = storedSequence;
  let damagedRanges = 0;
  let damagedBytes = 0;
  const scratch = createScratch();

  /** The segment with unread bytes; undefined when there is none. */
  function findUnread(): SegmentContent | undefined {
    if (segment !== undefined && offset < segment.end) return segment;
    const from = segment?.firstSequence ?? 0;
    const next = deps.segments.find((each) => each.firstSequence > from && each.end > SEGMENT_HEADER_BYTES);
    if (next !== undefined) {
      segment = next;
      offset = SEGMENT_HEADER_BYTES;
    }
    return next;
  }

  /** The file stays open from one read to the next. */
  async function read({ path }: SegmentContent, into: Buffer): Promise<Buffer> {
    if (file?.path !== path) {
      await file?.handle.close();
      file = null;
      file = { path, handle: await open(path, 'r') };
    }
    return readRange(file.handle, offset, into);
  }

  async function readFrames(current: SegmentContent, bytesMax: number): Promise<Chunk | null> {
    const known = current.damaged.find((range) => range.start === offset);
    if (known !== undefined) {
      offset = known.end;
      return null;
    }
    const bytes = await read(current, scratch(Math.min(bytesMax, current.end - offset)));
    const first = inspectFrame(bytes, 0, deps.frameBytesMax);
    if (first.kind === 'short' && first.bytesNeeded <= current.end - offset && first.bytesNeeded > bytesMax) {
      return readFrames(current, first.bytesNeeded);
    }
    if (first.kind !== 'good') {
      await passDamage(current);
      return null;
    }
    return takeFrames(bytes);
  }

  /** Moves the payloads together, in place, and advances behind the last whole frame. */
  function takeFrames(bytes: Buffer): Chunk | null {
    let firstSequence = 0;
    let length = 0;
    let at = 0;
    for (let state = inspectFrame(bytes, 0, deps.frameBytesMax); state.kind === 'good';) {
      const { head } = state;
      if (head.lastSequence > readTo) {
        if (length === 0) firstSequence = head.firstSequence;
        bytes.copyWithin(length, head.payloadStart, head.end);
        length += head.end - head.payloadStart;
        readTo = head.lastSequence;
      }
      at = head.end;
      state = inspectFrame(bytes, at, deps.frameBytesMax);
    }
    offset += at;
    return length === 0 ? null : { firstSequence, lastSequence: readTo, entries: bytes.subarray(0, length) };
  }

  async function passDamage(current: SegmentContent): Promise<void> {
    const rest = await read(current, Buffer.allocUnsafe(current.end - offset));
    const next = findNextFrame(rest, 1, readTo + 1, deps.frameBytesMax);
    const length = next === -1 ? current.end - offset : next;
    damagedRanges++;
    damagedBytes += length;
    await setAside(deps.directory, current.path, rest.subarray(0, length), offset, deps.log);
    offset += length;
  }

  return {
    async next(bytesMax) {
      for (let current = findUnread(); current !== undefined; current = findUnread()) {
        const chunk = await readFrames(current, bytesMax);
        if (chunk !== null) return chunk;
      }
      return null;
    },
    stats: () => ({ damagedRanges, damagedBytes }),
    async close() {
      await file?.handle.close();
      file = null;
    },
  };
}
