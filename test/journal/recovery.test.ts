import { copyFile, readdir, readFile, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  decide,
  recoveryTable,
  type MarkSide,
  type Place,
  type ScanState,
} from '../../src/journal/recovery.ts';
import { FRAME_HEADER_BYTES, sealFrame } from '../../src/journal/frame.ts';
import { keep, makeEntry, makeFolder, range, readAll, removeFolders, type Folder } from './folder.ts';

afterAll(removeFolders);

const FRAME_BYTES = 32 + 100;
const FIRST_FRAME = 32;

/** A journal of `count` frames of one entry each, as a crash leaves it. */
async function makeCrashed(count: number): Promise<Folder> {
  const folder = await makeFolder();
  const journal = await folder.open();
  for (const number of range(1, count)) await keep(journal, number);
  const crashed = await folder.crash();
  await journal.close();
  return crashed;
}

async function recover(
  folder: Folder,
): Promise<{ numbers: number[]; stats: ReturnType<Awaited<ReturnType<Folder['open']>>['stats']> }> {
  const journal = await folder.open();
  const numbers = await readAll(journal);
  const stats = journal.stats();
  await journal.close();
  return { numbers, stats };
}

async function change(path: string, edit: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  edit(bytes);
  await writeFile(path, bytes);
}

async function onlySegment(folder: Folder): Promise<string> {
  const segments = await folder.segments();
  expect(segments).toHaveLength(1);
  return segments[0] ?? '';
}

describe('the recovery table', () => {
  it('has exactly one row for every combination', () => {
    const states: ScanState[] = ['good', 'end', 'bad', 'gap', 'overlap'];
    const places: Place[] = ['last', 'middle'];
    const marks: MarkSide[] = ['stored', 'above'];
    for (const state of states) {
      for (const place of places) {
        for (const mark of marks) {
          const rows = recoveryTable.filter(
            (row) =>
              row.state === state &&
              (row.place === 'any' || row.place === place) &&
              (row.mark === 'any' || row.mark === mark),
          );
          expect(rows, `${state}, ${place}, ${mark}`).toHaveLength(1);
          expect(decide(state, place, mark)).toBe(rows[0]);
        }
      }
    }
  });
});

describe('after a crash the journal', () => {
  it('has all that was synced', async () => {
    expect((await recover(await makeCrashed(20))).numbers).toEqual(range(1, 20));
  });

  it('has all but the last frame, wherever the last write was torn', async () => {
    const crashed = await makeCrashed(5);
    const lastFrame = FIRST_FRAME + 4 * FRAME_BYTES;
    for (let cut = 1; cut < FRAME_BYTES; cut += 7) {
      const torn = await crashed.crash();
      await change(await onlySegment(torn), (bytes) =>
        bytes.fill(0, lastFrame + cut, lastFrame + FRAME_BYTES),
      );
      const { numbers, stats } = await recover(torn);
      expect(numbers).toEqual(range(1, 4));
      expect(stats.damagedRanges).toBe(0);
      expect(torn.log.some((line) => line.message.includes('interrupted write'))).toBe(true);
    }
  });

  it('has all but the last frame, wherever the file ends in it', async () => {
    const crashed = await makeCrashed(5);
    const lastFrame = FIRST_FRAME + 4 * FRAME_BYTES;
    for (let cut = 0; cut < FRAME_BYTES; cut += 11) {
      const torn = await crashed.crash();
      await truncate(await onlySegment(torn), lastFrame + cut);
      expect((await recover(torn)).numbers).toEqual(range(1, 4));
    }
  });

  it('goes on behind a torn write, and does not take it for damage at the next start', async () => {
    const crashed = await makeCrashed(5);
    await change(await onlySegment(crashed), (bytes) => bytes.fill(0, FIRST_FRAME + 4 * FRAME_BYTES + 50));
    const journal = await crashed.open();
    expect(await keep(journal, 99)).toBe(5);
    await journal.close();
    const { numbers, stats } = await recover(crashed);
    expect(numbers).toEqual([...range(1, 4), 99]);
    expect(stats.damagedRanges).toBe(0);
  });
});

describe('what a sender wrote to look like a frame', () => {
  it('is not taken for one where the frame around it is torn or damaged', async () => {
    for (const after of [0, 3]) {
      const folder = await makeFolder();
      const journal = await folder.open();
      for (const number of range(1, 5)) await keep(journal, number);
      const entry = makeEntry(6, 2000);
      makeEntry(666, 200).copy(entry, 1000 + FRAME_HEADER_BYTES);
      sealFrame(entry, 1000, 1000 + FRAME_HEADER_BYTES + 200, 1, 5_000_000);
      const receipt = journal.append(entry, 0, entry.length);
      if (receipt.kind === 'appended') await journal.synced(receipt.sequence);
      for (const number of range(7, 6 + after)) await keep(journal, number);
      const crashed = await folder.crash();
      await journal.close();
      await change(await onlySegment(crashed), (bytes) => {
        bytes[FIRST_FRAME + 5 * FRAME_BYTES + 9] = 0xff;
      });
      const { numbers, stats } = await recover(crashed);
      expect(numbers).toEqual([...range(1, 5), ...range(7, 6 + after)]);
      expect(stats.appended).toBe(after === 0 ? 5 : 9);
    }
  });
});

describe('damage to what was synced', () => {
  it('costs the one frame that it lies in, which is set aside and reported', async () => {
    for (const offset of [0, 5, 9, 13, 17, 25, 40, FRAME_BYTES - 1]) {
      const crashed = await makeCrashed(9);
      await change(await onlySegment(crashed), (bytes) => {
        const at = FIRST_FRAME + 3 * FRAME_BYTES + offset;
        bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      });
      const { numbers, stats } = await recover(crashed);
      expect(numbers).toEqual([1, 2, 3, 5, 6, 7, 8, 9]);
      expect(stats).toMatchObject({ damagedRanges: 1, damagedBytes: FRAME_BYTES, appended: 9 });
      const copies = await readdir(join(crashed.path, 'damaged'));
      expect(copies).toHaveLength(1);
      expect((await readFile(join(crashed.path, 'damaged', copies[0] ?? ''))).length).toBe(FRAME_BYTES);
      expect(crashed.log.some((line) => line.level === 'error')).toBe(true);
    }
  });

  it('is noticed when it happens while the journal is in use', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    for (const number of range(1, 5)) await keep(journal, number);
    await change(await onlySegment(folder), (bytes) =>
      bytes.fill(7, FIRST_FRAME + FRAME_BYTES, FIRST_FRAME + FRAME_BYTES + 60),
    );
    expect(await readAll(journal)).toEqual([1, 3, 4, 5]);
    expect(journal.stats()).toMatchObject({ damagedRanges: 1, damagedBytes: FRAME_BYTES });
    await journal.close();
  });

  it('to a header of a segment costs nothing', async () => {
    const crashed = await makeCrashed(3);
    await change(await onlySegment(crashed), (bytes) => bytes.fill(0xff, 10, 20));
    await change(await onlySegment(crashed), (bytes) => bytes.writeUInt32LE(1, 8));
    expect((await recover(crashed)).numbers).toEqual([1, 2, 3]);
    expect(crashed.log.some((line) => line.message.includes('header'))).toBe(true);
  });
});

describe('a journal that does not fit together', () => {
  async function makeSegments(): Promise<Folder> {
    const folder = await makeFolder();
    const journal = await folder.open();
    for (const number of range(1, 30)) await keep(journal, number, 8000);
    const crashed = await folder.crash();
    await journal.close();
    return crashed;
  }

  it('does not open when a segment is missing that Postgres does not have', async () => {
    const folder = await makeSegments();
    await unlink((await folder.segments())[1] ?? '');
    await expect(folder.open()).rejects.toThrow(/lacks the entries \d+ to \d+/);
  });

  it('opens when what is missing was stored', async () => {
    const folder = await makeSegments();
    const [, , third] = await folder.segments();
    const stored = Number(/(\d{20})\.journal/.exec(third ?? '')?.[1]) - 1;
    const journal = await folder.open();
    journal.advanceStored(stored);
    await journal.close();
    await expect(recover(folder)).resolves.toMatchObject({ stats: { stored } });
  });

  it('does not open when a segment is there twice', async () => {
    const folder = await makeSegments();
    const [first, second] = await folder.segments();
    const between = (second ?? '').replace(/\d{20}/, (digits) =>
      String(Number(digits) - 2).padStart(20, '0'),
    );
    await copyFile(first ?? '', between);
    await expect(folder.open()).rejects.toThrow(/is a copy: move it away/);
  });

  it('does not open what another release has written', async () => {
    const folder = await makeCrashed(2);
    await change(await onlySegment(folder), (bytes) => bytes.writeUInt32LE(2, 8));
    await expect(folder.open()).rejects.toThrow(/another release/);
    // And it lets go of the folder: the message can be acted on.
    await change(await onlySegment(folder), (bytes) => bytes.writeUInt32LE(1, 8));
    expect((await recover(folder)).numbers).toEqual([1, 2]);
  });

  it('ignores files that are not its own, with a warning', async () => {
    const folder = await makeCrashed(2);
    await writeFile(join(folder.path, 'notes.txt'), 'mine');
    expect((await recover(folder)).numbers).toEqual([1, 2]);
    expect(folder.log.some((line) => line.message.includes('ignored'))).toBe(true);
  });
});

describe('the stored mark on disk', () => {
  it.each([
    ['missing', (path: string) => rm(path, { force: true })],
    ['torn', (path: string) => writeFile(path, '1')],
    ['nonsense', (path: string) => writeFile(path, 'abc def')],
    ['empty', (path: string) => writeFile(path, '')],
  ])('that is %s means more replay and nothing else', async (_name, damage) => {
    const folder = await makeFolder();
    const journal = await folder.open();
    for (const number of range(1, 4)) await keep(journal, number);
    journal.advanceStored(2);
    await journal.close();
    await damage(join(folder.path, 'stored'));
    expect((await recover(folder)).numbers).toEqual([1, 2, 3, 4]);
  });

  it('beyond the end of the journal lets numbers go on behind it', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    for (const number of range(1, 4)) await keep(journal, number);
    journal.advanceStored(4);
    await journal.close();
    for (const segment of await folder.segments()) await rename(segment, `${segment}.away`);
    const again = await folder.open();
    expect(await keep(again, 5)).toBe(5);
    expect(await readAll(again)).toEqual([5]);
    await again.close();
  });
});
