/** A journal in a folder of a test's own, with small segments, and ways to damage it. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type Journal, type JournalValues } from '../../src/journal/journal.ts';

export const SEGMENT_BYTES = 64 * 1024;

export interface Folder {
  readonly path: string;
  /** What the journal logged. */
  readonly log: { level: string; message: string }[];
  open(values?: Partial<JournalValues>): Promise<Journal>;
  /** The folder as a crash of the process would leave it, as a folder of its own. */
  crash(): Promise<Folder>;
  segments(): Promise<string[]>;
}

const made: string[] = [];

export async function makeFolder(from?: string): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-journal-'));
  made.push(path);
  if (from !== undefined) await copyAsCrashed(from, path);
  const log: { level: string; message: string }[] = [];
  return {
    path,
    log,
    open: (values) =>
      openJournal(
        {
          directory: path,
          segmentBytes: SEGMENT_BYTES,
          journalBytesMax: 64 * SEGMENT_BYTES,
          frameBytesMax: SEGMENT_BYTES,
          pendingBytesMax: 1024 * 1024,
          ...values,
        },
        { log: (level, _fields, message) => log.push({ level, message }) },
      ),
    crash: () => makeFolder(path),
    async segments() {
      const names = (await readdir(path)).filter((name) => name.endsWith('.journal'));
      return names.toSorted().map((name) => join(path, name));
    },
  };
}

/** A copy of a folder in use. What comes and goes meanwhile makes it start again. */
async function copyAsCrashed(from: string, to: string): Promise<void> {
  const isKept = (source: string): boolean => !/\/(lock|spare|retired|stored\.new)$/.test(source);
  for (let attempt = 0; ; attempt++) {
    try {
      await cp(from, to, { recursive: true, filter: isKept });
      // One that was retired meanwhile may have been copied half filled with zeros, which no crash leaves under its name.
      const there = new Set(await readdir(from));
      assert((await readdir(to)).every((name) => there.has(name)));
      return;
    } catch (error) {
      if (attempt === 5) throw error;
      await rm(to, { recursive: true });
      await mkdir(to);
    }
  }
}

export async function removeFolders(): Promise<void> {
  await Promise.all(made.splice(0).map((path) => rm(path, { recursive: true, force: true })));
}

/** An entry that carries its length, and a number to know it by. */
export function makeEntry(number: number, bytes = 100): Buffer {
  const entry = Buffer.alloc(bytes, number % 251);
  entry.writeUInt32LE(bytes, 0);
  entry.writeUInt32LE(number, 4);
  return entry;
}

export function readNumbers(entries: Buffer): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < entries.length; at += entries.readUInt32LE(at))
    numbers.push(entries.readUInt32LE(at + 4));
  return numbers;
}

/** Appends one entry and waits until it is on disk: a frame of its own. */
export async function keep(journal: Journal, number: number, bytes = 100): Promise<number> {
  const entry = makeEntry(number, bytes);
  const receipt = journal.append(entry, 0, entry.length);
  if (receipt.kind === 'refused') throw new Error(receipt.reason);
  if ((await journal.synced(receipt.sequence)) === 'failed') throw new Error('failed');
  return receipt.sequence;
}

/** Reads all that is synced and not yet read. */
export async function readAll(journal: Journal): Promise<number[]> {
  const numbers: number[] = [];
  const { synced } = journal.stats();
  for (let last = 0; last < synced;) {
    const chunk = await Promise.race([journal.read(16 * 1024, 0), silence()]);
    if (chunk === null) break;
    numbers.push(...readNumbers(chunk.entries));
    last = chunk.lastSequence;
  }
  return numbers;
}

function silence(): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, 200, null));
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
