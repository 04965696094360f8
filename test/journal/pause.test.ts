import { afterAll, describe, expect, it } from 'vitest';
import { keep, makeFolder, range, readNumbers, removeFolders } from './folder.ts';

afterAll(removeFolders);

/** Longer than any test may take: who waits for its end fails. */
const FOREVER_MS = 600_000;
const BYTES_MAX = 16 * 1024;

describe('a reader that pauses', () => {
  it('takes what comes during a pause as one chunk', async () => {
    const journal = await (await makeFolder()).open();
    await keep(journal, 1);
    await journal.read(BYTES_MAX, 500);
    const reading = journal.read(BYTES_MAX, 500);
    for (const number of range(2, 6)) await keep(journal, number);
    const chunk = await reading;
    expect(readNumbers(chunk?.entries ?? Buffer.alloc(0))).toEqual(range(2, 6));
    await journal.close();
  });

  it('does not pause while there is more than one chunk', async () => {
    const journal = await (await makeFolder()).open();
    for (const number of range(1, 20)) await keep(journal, number, 4000);
    const numbers: number[] = [];
    while (numbers.length < 20) {
      const chunk = await journal.read(BYTES_MAX, FOREVER_MS);
      numbers.push(...readNumbers(chunk?.entries ?? Buffer.alloc(0)));
    }
    expect(numbers).toEqual(range(1, 20));
    await journal.close();
  });

  it('lets nobody wait who waits for what is not read yet', async () => {
    const journal = await (await makeFolder()).open();
    await keep(journal, 1);
    await journal.read(BYTES_MAX, FOREVER_MS);
    journal.advanceStored(1);
    const resting = journal.read(BYTES_MAX, FOREVER_MS);
    await keep(journal, 2);
    const stored = journal.stored(2, FOREVER_MS);
    expect((await resting)?.lastSequence).toBe(2);
    await keep(journal, 3);
    expect((await journal.read(BYTES_MAX, FOREVER_MS))?.lastSequence).toBe(3);
    journal.advanceStored(3);
    expect(await stored).toBe('stored');
    await journal.close();
  });

  it('ends its pause when reading is stopped', async () => {
    const journal = await (await makeFolder()).open();
    await keep(journal, 1);
    await journal.read(BYTES_MAX, FOREVER_MS);
    const resting = journal.read(BYTES_MAX, FOREVER_MS);
    journal.stopReading();
    expect(await resting).toBeNull();
    await journal.close();
  });
});
