import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { FRAME_HEADER_BYTES, FRAME_TAIL_BYTES } from '../../src/journal/frame.ts';
import { keep, makeFolder, range, readAll, removeFolders, SEGMENT_BYTES, type Folder } from './folder.ts';

afterAll(removeFolders);

interface Recycled {
  readonly folder: Folder;
  readonly journal: Journal;
  /** The last entry of the segment before: in it, but for its first frame, are still frames of an earlier one. */
  readonly last: number;
}

/** A journal that writes to a segment which was full of frames of entries of so many bytes. */
async function makeRecycled(bytes: number): Promise<Recycled> {
  const folder = await makeFolder();
  const journal = await folder.open();
  const seen = new Set<number>();
  let sequence = 0;
  for (;;) {
    const [path = ''] = (await folder.segments()).slice(-1);
    const { ino } = await stat(path);
    if (seen.has(ino)) break;
    seen.add(ino);
    if (seen.size > 5) throw new Error('no segment was used again');
    const segments = (await folder.segments()).length;
    while ((await folder.segments()).length === segments) sequence = await keep(journal, sequence + 1, bytes);
    await readAll(journal);
    journal.advanceStored(sequence - 1);
    await settle(folder);
  }
  return { folder, journal, last: sequence };
}

/** Until the stored segments are away. */
async function settle(folder: Folder): Promise<void> {
  for (;;) {
    const names = await readdir(folder.path);
    if (names.includes('spare') && (await folder.segments()).length === 1) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function recover(folder: Folder): Promise<number[]> {
  const journal = await folder.open();
  const numbers = await readAll(journal);
  await journal.close();
  return numbers;
}

describe('a segment that Postgres has', () => {
  it('becomes the next one as it is, and nothing of what it held is read again', async () => {
    const { folder, journal, last } = await makeRecycled(1000);
    for (const number of range(last + 1, last + 3)) await keep(journal, number, 300);
    const crashed = await folder.crash();
    await journal.close();
    const [path = ''] = await crashed.segments();
    const bytes = await readFile(path);
    // What it was is still there, behind what it is.
    expect(bytes.indexOf('SLJF', SEGMENT_BYTES / 2)).toBeGreaterThan(0);
    expect(await recover(crashed)).toEqual(range(last, last + 3));
    expect(crashed.log).toEqual([]);
  });

  it('is one of two at most while Postgres keeps up', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    for (const number of range(1, 400)) {
      const sequence = await keep(journal, number, 2000);
      await readAll(journal);
      journal.advanceStored(sequence);
      if (number % 25 === 0) await settle(folder);
    }
    expect(journal.stats().bytesOnDisk).toBe(2 * SEGMENT_BYTES);
    await journal.close();
  });

  it(
    'keeps all but the last write when that is torn, wherever, and sets aside no more than what it lies on',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 700, max: 3000 }),
          fc.array(fc.integer({ min: 8, max: 3000 }), { minLength: 1, maxLength: 8 }),
          fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0.9, max: 1, noNaN: true })),
          async (before, sizes, where) => {
            const { folder, journal, last } = await makeRecycled(before);
            let sequence = last;
            for (const size of sizes.slice(0, -1)) sequence = await keep(journal, sequence + 1, size);
            const untorn = await folder.crash();
            const size = sizes.at(-1) ?? 8;
            await keep(journal, sequence + 1, size);
            const torn = await folder.crash();
            await journal.close();
            const isWhole = await tear(torn, untorn, FRAME_HEADER_BYTES + size, where);
            const numbers = await recover(torn);
            expect(numbers).toEqual(range(last, isWhole ? sequence + 1 : sequence));
            expect(await bytesAside(torn)).toBeLessThanOrEqual(size + before + 2 * FRAME_HEADER_BYTES);
            // It does not take the rest for damage later either.
            expect(await recover(torn)).toEqual(numbers);
          },
        ),
        { numRuns: 25 },
      );
    },
  );
});

/** Lets the newest segment have only a part of its last write, from its start on. Returns whether that has the whole frame. */
async function tear(torn: Folder, untorn: Folder, frameBytes: number, where: number): Promise<boolean> {
  const [path = ''] = (await torn.segments()).slice(-1);
  const [pathBefore = ''] = (await untorn.segments()).slice(-1);
  const after = await readFile(path);
  const before = await readFile(pathBefore);
  const start = after.findIndex((byte, at) => byte !== before[at]);
  const cut = start + Math.round((frameBytes + FRAME_TAIL_BYTES) * where);
  before.copy(after, cut, cut);
  await writeFile(path, after);
  return cut >= start + frameBytes;
}

async function bytesAside(folder: Folder): Promise<number> {
  const names = await readdir(join(folder.path, 'damaged')).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(folder.path, 'damaged', name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
