/** Segments that Postgres has become the next ones: their blocks are there already, and nothing of what they held comes back. */
import { copyFile, open, readdir, readFile, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { createRoll } from '../../src/journal/roll.ts';
import { keep, makeFolder, readAll, removeFolders, SEGMENT_BYTES, type Folder } from './folder.ts';

afterAll(removeFolders);

/** Writes some segments full, each stored before the next one. Returns each one's inode. */
async function fillSegments(folder: Folder, journal: Journal, count: number): Promise<number[]> {
  const files: number[] = [];
  const held: FileHandle[] = [];
  let newest = '';
  while (files.length < count) {
    const sequence = await keep(journal, journal.stats().appended + 1, 4000);
    const path = (await folder.segments()).at(-1) ?? '';
    if (path === newest) continue;
    newest = path;
    const file = await open(path);
    files.push((await file.stat()).ino);
    // While it is open, its number is given to no other file.
    held.push(file);
    await readAll(journal);
    journal.advanceStored(sequence - 1);
    await expect.poll(() => folder.segments()).toHaveLength(1);
  }
  await Promise.all(held.map((file) => file.close()));
  return files;
}

describe('a segment that Postgres has', () => {
  it('is used again: a journal that keeps up needs no new files', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    const files = await fillSegments(folder, journal, 15);
    expect(new Set(files).size).toBeLessThanOrEqual(4);
    const { bytesOnDisk } = journal.stats();
    expect(bytesOnDisk).toBeLessThanOrEqual(3 * SEGMENT_BYTES);
    await journal.close();
    const sizes = (await readdir(folder.path)).map(
      async (name) => (await stat(join(folder.path, name))).size,
    );
    expect((await Promise.all(sizes)).filter((size) => size === SEGMENT_BYTES)).toHaveLength(
      bytesOnDisk / SEGMENT_BYTES,
    );
  });

  it('goes before those behind it, so that a start never finds a gap', async () => {
    const folder = await makeFolder();
    // Large, so that the next spare is still being made when they go.
    const segmentBytes = 256 * SEGMENT_BYTES;
    const values = {
      directory: folder.path,
      segmentBytes,
      journalBytesMax: 1e9,
      frameBytesMax: segmentBytes,
    };
    const roll = await createRoll(values, [], 1, () => undefined);
    const frame = Buffer.alloc(segmentBytes - 4096, 'x');
    for (let sequence = 1; sequence <= 6; sequence++) {
      const bytes = sequence < 6 ? frame.length : 8192;
      await roll.write(frame, bytes, sequence);
      roll.confirm(bytes, sequence);
    }
    const all = await folder.segments();
    expect(all).toHaveLength(6);
    roll.dropStored(5);
    const seen = new Set<string>();
    for (let left = all.length; left > 1;) {
      const there = (await folder.segments()).filter((path) => all.includes(path));
      seen.add(there.map((path) => all.indexOf(path)).join(' '));
      left = there.length;
    }
    expect([...seen].filter((places) => !'0 1 2 3 4 5'.endsWith(places))).toEqual([]);
    await roll.close();
  });

  it('is empty when it is used again', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    await fillSegments(folder, journal, 6);
    const [path = ''] = await folder.segments();
    const bytes = await readFile(path);
    // Its header and one entry of 4000 bytes, in its frame.
    expect(bytes.subarray(5000).every((byte) => byte === 0)).toBe(true);
    await journal.close();
  });

  it.each(['spare', 'retired'])(
    'brings nothing back when the power fails while it is the %s',
    async (name) => {
      const folder = await makeFolder();
      const first = await folder.open();
      await fillSegments(folder, first, 6);
      const next = await keep(first, 1000, 4000);
      const [segment = ''] = await folder.segments();
      await first.close();
      // As much of it as there may be: a whole segment with good frames, and more than that.
      const left = join(folder.path, name);
      await copyFile(segment, left);
      await writeFile(left, Buffer.alloc(SEGMENT_BYTES, 'former'), { flag: 'a' });
      const second = await folder.open();
      expect(second.stats()).toMatchObject({ appended: next, damagedRanges: 0 });
      expect((await readAll(second)).at(-1)).toBe(1000);
      const path = (await folder.segments()).at(-1) ?? '';
      expect(basename(path)).not.toBe(basename(segment));
      const bytes = await readFile(path);
      expect(bytes).toHaveLength(SEGMENT_BYTES);
      expect(bytes.subarray(32).every((byte) => byte === 0)).toBe(true);
      await second.close();
    },
  );
});
