/**
 * The three marks of the journal, in entries: stored ≤ synced ≤ appended. They only move forward.
 *
 *   1 ……… stored ……… synced ……… appended
 *   in Postgres | on disk  | in memory
 */
import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { JournalLog } from './segment.ts';

export interface Watermarks {
  readonly appended: number;
  readonly synced: number;
  readonly stored: number;
  append(): number;
  advanceSynced(sequence: number): void;
  advanceStored(sequence: number): void;
}

/** `sequence`: the last entry of the journal as it was found; all of it is synced. */
export function createWatermarks(sequence: number, storedBefore: number): Watermarks {
  let appended = sequence;
  let synced = sequence;
  let stored = Math.min(storedBefore, sequence);

  function invariants(): void {
    assert(
      stored <= synced && synced <= appended,
      `stored ${stored} ≤ synced ${synced} ≤ appended ${appended}`,
    );
  }

  return {
    get appended() {
      return appended;
    },
    get synced() {
      return synced;
    },
    get stored() {
      return stored;
    },
    append: () => ++appended,
    advanceSynced(to) {
      assert(to > synced, `synced moves forward: ${synced} -> ${to}`);
      synced = to;
      invariants();
    },
    advanceStored(to) {
      assert(to >= stored, `stored moves forward: ${stored} -> ${to}`);
      stored = to;
      invariants();
    },
  };
}

export interface Waiters {
  /** Resolves when the mark reaches `sequence()`, or after `waitMs`. */
  wait(sequence: () => number, waitMs: number): Promise<'stored' | 'late'>;
  advance(mark: number): void;
}

/** Those who wait for the stored mark, in the order of what they wait for. */
export function createWaiters(): Waiters {
  let waiting: { readonly sequence: () => number; readonly resolve: () => void }[] = [];
  return {
    wait: (sequence, waitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve('late'), waitMs);
        waiting.push({
          sequence,
          resolve: () => {
            clearTimeout(timer);
            resolve('stored');
          },
        });
      }),
    advance(mark) {
      if (waiting.length === 0) return;
      const left = waiting.filter((waiter) => waiter.sequence() > mark);
      for (const waiter of waiting) if (waiter.sequence() <= mark) waiter.resolve();
      waiting = left;
    },
  };
}

/**
 * The stored mark on disk is a hint that spares replay: written now and then, without a sync. When it is missing,
 * torn or old, more is replayed, and replaying is harmless. `<sequence> <CRC-32>` as text; 0 when there is none
 * that can be believed.
 */
export async function readMark(directory: string): Promise<number> {
  const text = await readFile(join(directory, 'stored'), 'utf8').catch(() => '');
  const [sequence, check] = text.trim().split(' ');
  if (sequence === undefined || !/^\d{1,16}$/.test(sequence)) return 0;
  return check === String(crc32(sequence)) ? Number(sequence) : 0;
}

/** Keeps the stored mark on disk, at most a second behind; `stop` writes the last one. */
export function startMarkKeeper(
  directory: string,
  marks: Pick<Watermarks, 'stored'>,
  log: JournalLog,
): { stop(): Promise<void> } {
  let written = marks.stored;

  async function keep(): Promise<void> {
    if (marks.stored === written) return;
    written = marks.stored;
    await writeMark(directory, written).catch((error: unknown) =>
      log('warn', { err: error }, 'the stored mark cannot be written; a restart would send more again'),
    );
  }

  const timer = setInterval(() => void keep(), MARK_INTERVAL_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      return keep();
    },
  };
}

const MARK_INTERVAL_MS = 1000;

async function writeMark(directory: string, sequence: number): Promise<void> {
  const text = String(sequence);
  await writeFile(join(directory, 'stored.new'), `${text} ${crc32(text)}\n`, { mode: 0o600 });
  await rename(join(directory, 'stored.new'), join(directory, 'stored'));
}
