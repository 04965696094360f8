import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createDecompress } from '../../src/http/decompress.ts';

const VALUES = { bytesMax: 8 * 1024 * 1024, ratioMax: 1000 };
const plain = randomBytes(1024 * 1024);
const packed = gzipSync(plain);

describe('compressed bodies that come at once', () => {
  it('are undone four at a time, in the order in which they came', async () => {
    const decompress = createDecompress();
    const begun: number[] = [];
    const ended: number[] = [];
    let mostAtOnce = 0;
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const outcome = await decompress(packed, 'gzip', VALUES, () => {
          begun.push(index);
          mostAtOnce = Math.max(mostAtOnce, begun.length - ended.length);
          return true;
        });
        ended.push(index);
        expect(outcome.kind === 'body' && outcome.body.equals(plain)).toBe(true);
      }),
    );
    expect(begun).toEqual(Array.from({ length: 20 }, (_, index) => index));
    // What has just ended is counted a moment after the next one begins.
    expect(mostAtOnce).toBeLessThanOrEqual(5);
  });

  it('are left alone when nobody wants them any more, and hold up no others', async () => {
    const decompress = createDecompress();
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => decompress(packed, 'gzip', VALUES, () => index % 2 === 0)),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(
      Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 'body' : 'unwanted')),
    );
    const broken = await decompress(Buffer.from('no gzip'), 'gzip', VALUES, () => true);
    expect(broken).toEqual({ kind: 'malformed' });
  });
});
