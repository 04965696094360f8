/**
 * Memory that is used again. Millions of bytes in new buffers each second make V8 collect its whole heap for their sake, again
 * and again.
 */

/** So many bytes, of any content. What was lent before is lent no more. */
export type Scratch = (bytes: number) => Buffer;

export function createScratch(): Scratch {
  let buffer = Buffer.allocUnsafeSlow(0);
  return (bytes) => {
    if (bytes > buffer.length) buffer = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * buffer.length));
    return buffer.subarray(0, bytes);
  };
}
