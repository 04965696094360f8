/**
 * Collects one request's body, up to a cap. The parser's chunks are only lent for the length of the callback, so
 * each is copied, once: a body of stated length into a buffer of just that size (twice, its first 64 KiB).
 */

import type { HttpResponse } from 'uWebSockets.js';
import type { Head } from '../framing.ts';

/** `take` is asked before a chunk is kept: false, and the request is over. `done` gets null for a body past the cap. */
export function collectBody(
  response: HttpResponse,
  head: Head,
  bytesMax: number,
  take: (bytes: number) => boolean,
  done: (body: Buffer | null) => void,
): void {
  const collector = createBodyCollector(head.contentLength, bytesMax);
  let isDone = false;
  response.onData((chunk, isLast) => {
    // Data goes on arriving after an answer.
    if (isDone) return;
    if (!take(chunk.byteLength)) isDone = true;
    else if (!collector.add(chunk)) {
      isDone = true;
      done(null);
    } else if (isLast) {
      isDone = true;
      done(collector.finish());
    }
  });
}

interface BodyCollector {
  /** Takes the next chunk. False when the body has grown past the cap: what was collected is let go. */
  add(chunk: ArrayBuffer): boolean;
  /** The whole body. Call once, at the end. */
  finish(): Buffer;
}

/** Until somebody has said that a large body may come in, little memory is set aside for it. */
const FIRST_BYTES_MAX = 64 * 1024;
const FIRST_CHUNKED_BYTES = 4096;

/** `contentLength` is -1 when unknown, and at most `bytesMax` otherwise. */
function createBodyCollector(contentLength: number, bytesMax: number): BodyCollector {
  let buffer = Buffer.allocUnsafe(
    contentLength >= 0 ? Math.min(contentLength, FIRST_BYTES_MAX) : Math.min(FIRST_CHUNKED_BYTES, bytesMax),
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
        const wanted = contentLength >= 0 ? contentLength : buffer.length * 2;
        const grown = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(needed, wanted)));
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
