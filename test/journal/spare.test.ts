import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { prepareSpare } from '../../src/journal/segment.ts';

const MIB = 1024 * 1024;

it('makes a spare segment of zeros bit by bit, with a rest after each', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-spare-'));
  const sizes: number[] = [];
  const read = (): Promise<Buffer> => readFile(join(directory, 'spare'));
  await prepareSpare(directory, 2 * MIB + 5, async () => void sizes.push((await read()).length));
  expect(sizes).toEqual([MIB, 2 * MIB, 2 * MIB + 5]);
  expect((await read()).every((byte) => byte === 0)).toBe(true);
  await rm(directory, { recursive: true });
});
