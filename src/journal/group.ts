/**
 * Groups of entries on their way to the disk. Entries are copied into the open group; a group that is taken for
 * writing becomes one frame. Buffers are used again; there is no allocation per entry.
 */
import { FRAME_HEADER_BYTES, sealFrame } from './frame.ts';

export interface Group {
  buffer: Buffer;
  end: number;
  entries: number;
  firstSequence: number;
  /** How many wait for it, to be synced or to be stored. */
  waiters: number;
  /** Shared by all who wait for it. */
  synced: Promise<'synced' | 'failed'>;
  settle: (outcome: 'synced' | 'failed') => void;
  stored: Promise<'stored' | 'late'> | null;
}

export interface Groups {
  /** Bytes that wait, headers included. */
  pendingBytes(): number;
  openGroup(): Group | null;
  /** Of what waits, the group that holds this entry. */
  find(sequence: number): Group | null;
  /** Copies an entry, which must fit a frame, into the open group, or into a new one. */
  add(bytes: Buffer, start: number, end: number, sequence: number): void;
  /** The oldest group, closed and sealed as a frame in [0, end) of its buffer; null when nothing waits. */
  take(): Group | null;
  /** The same, if nothing can be added to it. */
  takeFull(): Group | null;
  /** Takes a group's buffer back once it is written. */
  release(group: Group): void;
  /** Everything that waits has failed. */
  failAll(): void;
}

const FIRST_BYTES = 64 * 1024;
/** Large buffers are needed in bursts only: few are kept. */
const SPARE_BUFFERS_MAX = 4;

/** `frameBytesMax` bounds a group, header included. */
export function createGroups(frameBytesMax: number): Groups {
  const queue: Group[] = [];
  const spares: Buffer[] = [];
  let open: Group | null = null;
  let pendingBytes = 0;

  function startGroup(firstSequence: number): Group {
    let settle: Group['settle'] = () => undefined;
    const synced = new Promise<'synced' | 'failed'>((resolve) => {
      settle = resolve;
    });
    const buffer = spares.pop() ?? Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, frameBytesMax));
    const group = {
      buffer,
      end: FRAME_HEADER_BYTES,
      entries: 0,
      firstSequence,
      waiters: 0,
      synced,
      settle,
      stored: null,
    };
    pendingBytes += FRAME_HEADER_BYTES;
    queue.push(group);
    return group;
  }

  function ensureRoom(group: Group, length: number): void {
    if (group.end + length <= group.buffer.length) return;
    const size = Math.min(frameBytesMax, Math.max(group.buffer.length * 2, group.end + length));
    const grown = Buffer.allocUnsafeSlow(size);
    group.buffer.copy(grown, 0, 0, group.end);
    group.buffer = grown;
  }

  function take(): Group | null {
    const group = queue.shift();
    if (group === undefined) return null;
    if (group === open) open = null;
    pendingBytes -= group.end;
    sealFrame(group.buffer, 0, group.end, group.entries, group.firstSequence);
    return group;
  }

  return {
    pendingBytes: () => pendingBytes,
    openGroup: () => open,
    // Newest first: that is what is asked for.
    find: (sequence) => queue.findLast((group) => group.firstSequence <= sequence) ?? null,
    add(bytes, start, end, sequence) {
      const length = end - start;
      if (open === null || open.end + length > frameBytesMax) open = startGroup(sequence);
      ensureRoom(open, length);
      bytes.copy(open.buffer, open.end, start, end);
      open.end += length;
      open.entries++;
      pendingBytes += length;
    },
    take,
    takeFull: () => (queue[0] === open ? null : take()),
    release(group) {
      if (spares.length < SPARE_BUFFERS_MAX) spares.push(group.buffer);
    },
    failAll() {
      for (const group of queue.splice(0)) group.settle('failed');
      open = null;
      pendingBytes = 0;
    },
  };
}
