import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder, range, readAll, removeFolders } from './folder.ts';

afterAll(removeFolders);

describe('a process killed while it writes the journal', () => {
  it('leaves every entry that it knew to be synced, time after time', async () => {
    const folder = await makeFolder();
    let known = 0;
    for (let kill = 0; kill < 6; kill++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'kill.fixture.ts'), folder.path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (data: Buffer) => {
        output += data.toString();
      });
      const gone = new Promise((resolve) => child.once('close', resolve));
      while (output.split('\n').length < 20) await sleep(5);
      await sleep(20 + kill * 17);
      child.kill('SIGKILL');
      await gone;
      const printed = output.trim().split('\n');
      // It went on where the one before it was killed, or behind what that one had not told yet.
      expect(Number(printed[0]?.split(' ')[1])).toBeGreaterThan(known);
      known = Number(printed.at(-1)?.split(' ').at(-1));
    }
    const journal = await folder.open({ journalBytesMax: 100_000 * 65_536 });
    const numbers = await readAll(journal);
    expect(numbers).toEqual(range(1, numbers.length));
    expect(numbers.length).toBeGreaterThanOrEqual(known);
    expect(journal.stats().damagedRanges).toBe(0);
    await journal.close();
  });
});
