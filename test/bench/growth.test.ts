/** Growth at a small size: every curve has all of its points; how high they are is not looked at. */
import { describe, expect, it } from 'vitest';
import { benchGrowth, type GrowthResult } from '../../bench/growth/growth.ts';
import { drawGrowth, printGrowth } from '../../bench/page/growth.ts';

const SIZES = { rateMax: 500, partitionsMax: 3, clientsMax: 200, backlogMibMax: 40, tableRowsMax: 10_000 };

describe('growth', { timeout: 120_000 }, () => {
  it('measures each curve at each of its sizes, and keeps what is known after each', async () => {
    const kept: GrowthResult[] = [];
    const result = await benchGrowth(
      { rounds: 1, seconds: 1, rows: 2000, ...SIZES },
      () => undefined,
      async (part) => void kept.push(part),
    );
    expect(result.parts.map(({ name, failure }) => [name, failure])).toEqual([
      ['rates', null],
      ['partitions', null],
      ['clients', null],
      ['backlog', null],
      ['rows', null],
    ]);
    expect(kept).toHaveLength(5);
    const sizes = result.curves.map(({ lines }) => lines.map(({ points }) => points.map(({ size }) => size)));
    expect(sizes).toEqual([
      [
        [300, 500],
        [300, 500],
        [300, 500],
      ],
      [
        [1, 3],
        [1, 3],
      ],
      [[4, 100, 200]],
      [
        [0, 40],
        [0, 40],
        [0, 40],
      ],
      [
        [0, 10_000],
        [0, 10_000],
      ],
    ]);
    for (const { lines } of result.curves)
      for (const { points } of lines)
        for (const { measured } of points) expect(measured.median).toBeGreaterThanOrEqual(0);
    const drawn = drawGrowth(result.curves);
    for (const { file, svg } of drawn) {
      expect(printGrowth(result.curves)).toContain(file);
      expect(svg).not.toContain('NaN');
    }
  });
});
