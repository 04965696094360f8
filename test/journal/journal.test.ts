import { spawnSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createWaiters } from '../../src/journal/watermark.ts';
import {
  keep,
  makeEntry,
  makeFolder,
  range,
  readAll,
  readNumbers,
  removeFolders,
  SEGMENT_BYTES,
} from './folder.ts';

afterAll(removeFolders);

describe('the journal', () => {
  it('gives back what was synced, in order, once', async () => {
    const journal = await (await makeFolder()).open();
    for (const number of range(1, 50)) await keep(journal, number);
    expect(await readAll(journal)).toEqual(range(1, 50));
    await journal.close();
  });

  it('puts all that arrives in one turn of the event loop into one frame', async () => {
    const journal = await (await makeFolder()).open();
    const entry = makeEntry(1);
    const receipts = range(1, 100).map(() => journal.append(entry, 0, entry.length));
    expect(receipts.map((receipt) => receipt.kind === 'appended' && receipt.sequence)).toEqual(range(1, 100));
    expect(await journal.synced(100)).toBe('synced');
    expect(journal.stats()).toMatchObject({ frames: 1, appended: 100, synced: 100, stored: 0 });
    await journal.close();
  });

  it('makes about one write a millisecond at most where several wait for each', async () => {
    const journal = await (await makeFolder()).open({ segmentBytes: 4 * 1024 * 1024 });
    const entry = makeEntry(1);
    const startedAtMs = performance.now();
    const outcomes: Promise<string>[] = [];
    while (outcomes.length < 10_000) {
      for (const _ of range(1, 2)) {
        const receipt = journal.append(entry, 0, entry.length);
        outcomes.push(journal.synced(receipt.kind === 'appended' ? receipt.sequence : 0));
      }
      await new Promise(setImmediate);
    }
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['synced']));
    // The first write had nobody to rest for, and clocks round.
    expect(journal.stats().frames).toBeLessThan((performance.now() - startedAtMs) * 1.1 + 3);
    await journal.close();
  });

  it('shares one promise among the entries of a frame', async () => {
    const journal = await (await makeFolder()).open();
    const entry = makeEntry(1);
    journal.append(entry, 0, entry.length);
    journal.append(entry, 0, entry.length);
    expect(journal.synced(1)).toBe(journal.synced(2));
    expect(journal.stored(1, 1000)).toBe(journal.stored(2, 1000));
    await journal.synced(2);
    journal.advanceStored(2);
    await journal.close();
  });

  it('says of an entry between the frame being written and the newest one that it is synced only when it is', async () => {
    const journal = await (await makeFolder()).open();
    const entry = makeEntry(1, 4000);
    for (const _ of range(1, 12)) journal.append(entry, 0, entry.length);
    await new Promise(setImmediate);
    const syncedWhenTold = range(1, 12).map((sequence) =>
      journal.synced(sequence).then(() => journal.stats().synced >= sequence),
    );
    expect(await Promise.all(syncedWhenTold)).toEqual(range(1, 12).map(() => true));
    expect(journal.stats().frames).toBeGreaterThan(2);
    await journal.close();
  });

  it('forgets those who were told that their entry is late', async () => {
    const waiters = createWaiters();
    const [late, stored] = [waiters.wait(() => 1, 5), waiters.wait(() => 2, 10_000)];
    expect(await late).toBe('late');
    expect(waiters.size()).toBe(1);
    waiters.advance(2);
    expect(await stored).toBe('stored');
    expect(waiters.size()).toBe(0);
  });

  it('goes over many segments, and deletes those that are stored', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    for (const number of range(1, 60)) await keep(journal, number, 8000);
    expect((await folder.segments()).length).toBeGreaterThan(6);
    expect(await readAll(journal)).toEqual(range(1, 60));
    journal.advanceStored(60);
    await journal.close();
    expect(await folder.segments()).toHaveLength(1);
  });

  it('reads across restarts only what was not stored', async () => {
    const folder = await makeFolder();
    const first = await folder.open();
    for (const number of range(1, 10)) await keep(first, number);
    first.advanceStored(4);
    await first.close();
    const second = await folder.open();
    await keep(second, 11);
    expect(await readAll(second)).toEqual(range(5, 11));
    expect(second.stats()).toMatchObject({ appended: 11, stored: 4 });
    await second.close();
  });

  it('numbers go on after everything was stored and deleted', async () => {
    const folder = await makeFolder();
    const first = await folder.open();
    await keep(first, 1);
    first.advanceStored(1);
    await first.close();
    const second = await folder.open();
    expect(await keep(second, 2)).toBe(2);
    await second.close();
  });

  it('tells those who wait that their entry is stored, or that it is late', async () => {
    const journal = await (await makeFolder()).open();
    await keep(journal, 1);
    const waiting = journal.stored(1, 10_000);
    journal.advanceStored(1);
    expect(await waiting).toBe('stored');
    expect(await journal.stored(1, 10)).toBe('stored');
    await keep(journal, 2);
    expect(await journal.stored(2, 20)).toBe('late');
    await journal.close();
  });

  it('lets a reader wait for the next entry, and ends it when reading is stopped', async () => {
    const journal = await (await makeFolder()).open();
    const reading = journal.read(1000, 0);
    await keep(journal, 1);
    expect(readNumbers((await reading)?.entries ?? Buffer.alloc(0))).toEqual([1]);
    const last = journal.read(1000, 0);
    journal.stopReading();
    expect(await last).toBeNull();
    await journal.close();
  });

  it('writes what is pending when it is closed', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    const entry = makeEntry(1);
    journal.append(entry, 0, entry.length);
    await journal.close();
    expect(journal.append(entry, 0, entry.length)).toEqual({ kind: 'refused', reason: 'closed' });
    const again = await folder.open();
    expect(await readAll(again)).toEqual([1]);
    await again.close();
  });
});

describe('the limits of the journal', () => {
  it('refuses entries when the disk budget is spent, and takes them again when segments are freed', async () => {
    const journal = await (await makeFolder()).open({ journalBytesMax: 4 * SEGMENT_BYTES });
    const entry = makeEntry(1, 4000);
    let kept = 0;
    let refusal = '';
    while (refusal === '') {
      const receipt = journal.append(entry, 0, entry.length);
      if (receipt.kind === 'refused') refusal = receipt.reason;
      else {
        expect(await journal.synced(receipt.sequence)).toBe('synced');
        kept++;
      }
    }
    expect(refusal).toBe('full');
    expect(kept).toBeGreaterThan(20);
    expect(journal.stats()).toMatchObject({ synced: kept, state: 'full' });
    expect(journal.stats().bytesOnDisk).toBeLessThanOrEqual(4 * SEGMENT_BYTES);
    expect(await readAll(journal)).toHaveLength(kept);
    journal.advanceStored(kept);
    // The mark is written first.
    await expect.poll(() => journal.stats().bytesOnDisk).toBeLessThan(3 * SEGMENT_BYTES);
    await keep(journal, kept + 1, 4000);
    await journal.close();
  });

  it('takes a disk that cuts the last write of a new segment short for a full one', async () => {
    const folder = await makeFolder();
    // As many bytes as a full disk may leave room for: the kernel writes them, and says how many, and no error.
    const limit = (bytes: string): unknown =>
      spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]).status;
    expect(limit(String(SEGMENT_BYTES - 1))).toBe(0);
    try {
      await expect(folder.open()).rejects.toThrow('there is no room for a journal segment');
      // What was written of it would keep the stored mark from being written, and so the disk full.
      expect(await readdir(folder.path)).not.toContain('spare');
    } finally {
      limit('unlimited');
    }
    const journal = await folder.open();
    const sizes = (await folder.segments()).map(async (path) => (await stat(path)).size);
    expect(await Promise.all(sizes)).toEqual([SEGMENT_BYTES]);
    await journal.close();
  });

  it('that is full can be opened, emptied and used again', async () => {
    const folder = await makeFolder();
    const values = { journalBytesMax: 3 * SEGMENT_BYTES };
    const first = await folder.open(values);
    let kept = 0;
    for (;;) {
      const entry = makeEntry(kept + 1, 4000);
      if (first.append(entry, 0, entry.length).kind === 'refused') break;
      kept++;
      await first.flush();
    }
    expect(kept).toBeGreaterThan(20);
    await first.close();
    const second = await folder.open(values);
    expect(await readAll(second)).toEqual(range(1, kept));
    second.advanceStored(kept);
    await keep(second, kept + 1);
    await second.close();
  });

  it('refuses entries when too many wait for the disk', async () => {
    const journal = await (await makeFolder()).open({ pendingBytesMax: 10_000 });
    const entry = makeEntry(1, 4000);
    const receipts = range(1, 3).map(() => journal.append(entry, 0, entry.length));
    expect(receipts[2]).toEqual({ kind: 'refused', reason: 'busy' });
    await journal.flush();
    expect(journal.append(entry, 0, entry.length).kind).toBe('appended');
    await journal.close();
  });

  it('splits what waits into frames of bounded size', async () => {
    const journal = await (await makeFolder()).open();
    const entry = makeEntry(1, 6000);
    for (const _ of range(1, 20)) journal.append(entry, 0, entry.length);
    expect(await journal.synced(20)).toBe('synced');
    expect(journal.stats().frames).toBeGreaterThan(7);
    expect(await readAll(journal)).toHaveLength(20);
    await journal.close();
  });

  it('takes an entry that fits no frame for a bug', async () => {
    const journal = await (await makeFolder()).open();
    const entry = makeEntry(1, SEGMENT_BYTES);
    expect(() => journal.append(entry, 0, entry.length)).toThrow(/fits no frame/);
    await journal.close();
  });
});

describe('the folder of the journal', () => {
  it('belongs to one gateway at a time', async () => {
    const folder = await makeFolder();
    const journal = await folder.open();
    await expect(folder.open()).rejects.toThrow(/in use by another gateway/);
    await journal.close();
    await (await folder.open()).close();
  });

  it('is for its owner alone', async () => {
    const folder = await makeFolder();
    await (await folder.open()).close();
    const [segment] = await folder.segments();
    expect(((await stat(segment ?? '')).mode & 0o777).toString(8)).toBe('600');
  });
});
