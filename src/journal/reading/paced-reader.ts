/**
 * When the journal is read: as soon as something is synced, but after a read that took all there was not again before a
 * pause is over. A steady stream of small frames so becomes few large writes, and whoever is behind is not held up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chunk, Reader } from './reader.ts';
import type { Waiters, Watermarks } from '../watermark.ts';

export interface PacedReader {
  /** The next chunk; null when reading was stopped. */
  read(bytesMax: number, pauseMs: number): Promise<Chunk | null>;
  /** Something was synced. */
  wake(): void;
  /** Ends a pause: somebody waits for what is not read yet. */
  hurry(): void;
  stop(): void;
}

export function createPacedReader(
  reader: Reader,
  marks: Pick<Watermarks, 'synced'>,
  waiters: Pick<Waiters, 'size'>,
): PacedReader {
  let isStopped = false;
  let hasNews = false;
  let wakeReader: (() => void) | null = null;
  let pause: AbortController | null = null;
  let restsUntilMs = 0;

  async function rest(): Promise<void> {
    const leftMs = restsUntilMs - performance.now();
    if (leftMs <= 0 || isStopped || waiters.size() > 0) return;
    pause = new AbortController();
    await sleep(leftMs, undefined, { signal: pause.signal }).catch(() => undefined);
    pause = null;
  }

  function wake(): void {
    hasNews = true;
    wakeReader?.();
  }

  return {
    async read(bytesMax, pauseMs) {
      await rest();
      while (!isStopped) {
        hasNews = false;
        const chunk = await reader.next(bytesMax);
        if (chunk !== null) {
          if (chunk.lastSequence === marks.synced()) restsUntilMs = performance.now() + pauseMs;
          return chunk;
        }
        // A frame may have been synced while the reader was already giving up.
        if (hasNews) continue;
        await new Promise<void>((resolve) => (wakeReader = resolve));
        wakeReader = null;
      }
      return null;
    },
    wake,
    hurry: () => pause?.abort(),
    stop() {
      isStopped = true;
      pause?.abort();
      wake();
    },
  };
}
