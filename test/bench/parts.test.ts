/** Parts of a long bench: what one of them found is not lost by what becomes of another. */
import { describe, expect, it } from 'vitest';
import { replaceBlock } from '../../bench/page/write.ts';
import { createParts } from '../../bench/parts.ts';

describe('parts of a bench', () => {
  it('go on after one that fails, say why, and hand over what is found after each', async () => {
    const seen: number[] = [];
    const told: string[] = [];
    const parts = createParts<string>({
      tell: (line) => told.push(line),
      onPart: async ({ found }) => void seen.push(found.length),
    });
    await parts.run('first', async () => 'one');
    await parts.around('ground', async () => {
      await parts.run('second', async () => Promise.reject(new Error('wrk is gone')));
    });
    await parts.around('no ground', async () => Promise.reject(new Error('no Postgres')));
    await parts.run('third', async () => 'three');
    expect(parts.found).toEqual(['one', 'three']);
    expect(parts.times.map(({ name, failure }) => [name, failure])).toEqual([
      ['first', null],
      ['second', 'wrk is gone'],
      ['no ground', 'no Postgres'],
      ['third', null],
    ]);
    expect(seen).toEqual([1, 1, 1, 2]);
    expect(told[1]).toMatch(/^second: FAILED after .* s: wrk is gone\n$/);
  });
});

describe('a page', () => {
  const page =
    'a\n<!-- written by npm run bench -- one -->\nold\n<!-- end -->\nb\n<!-- written by npm run bench -- two -->\nkept\n<!-- end -->\n';

  it('gets the block of one bench, and keeps those of the others', () => {
    const written = replaceBlock(page, 'one', 'new');
    expect(written).toContain('new');
    expect(written).not.toContain('old');
    expect(written).toMatch(/^a\n[^]*b\n[^]*kept\n<!-- end -->\n$/);
  });

  it('that has lost its marks is not written', () => {
    expect(() => replaceBlock(page, 'three', 'new')).toThrow('three');
  });
});
