/**
 * Collects one request's body, up to a cap. The parser's chunks are only lent for the length of the callback, so
 * each is copied, once: a body of stated length into a buffer of just that size.
 */

export interface BodyCollector {
  /** Takes the next chunk. False when the body has grown past the cap: what was collected is let go. */
  add(chunk: ArrayBuffer): boolean;
  /** The whole body. Call once, at the end. */
  finish(): Buffer;
}

const FIRST_CHUNKED_BYTES = 4096;

/** `contentLength` is -1 when unknown, and at most `bytesMax` otherwise. */
export function createBodyCollector(contentLength: number, bytesMax: number): BodyCollector {
  let buffer = Buffer.allocUnsafe(
    contentLength >= 0 ? contentLength : Math.min(FIRST_CHUNKED_BYTES, bytesMax),
  );
  let length = 0;
  return {
    add(chunk) {
      const needed = length + chunk.byteLength;
      if (needed > bytesMax) {
        buffer = Buffer.alloc(0);
        return false;
      }
      if (needed > buffer.length) {
        const grown = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(needed, buffer.length * 2)));
        buffer.copy(grown, 0, 0, length);
        buffer = grown;
      }
      buffer.set(new Uint8Array(chunk), length);
      length = needed;
      return true;
    },
    finish: () => (length === buffer.length ? buffer : buffer.subarray(0, length)),
  };
}
