import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMark, startMarkKeeper } from '../../src/journal/watermark.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mark-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('the stored mark', () => {
  it('rests when making its note takes long, and is written at the end all the same', async () => {
    let notes = 0;
    const note = (): string => {
      const untilMs = performance.now() + 50;
      while (performance.now() < untilMs);
      return `note ${++notes}`;
    };
    const keeper = startMarkKeeper(
      directory,
      { stored: () => 7 },
      { log: () => undefined, note, onKept: () => undefined },
    );
    await keeper.keep();
    // Two of its seconds have come, and are within a hundred times what the note took.
    await sleep(2200);
    expect(notes).toBe(1);
    await keeper.stop();
    expect(await readMark(directory)).toEqual({ sequence: 7, note: 'note 2' });
  });
});
