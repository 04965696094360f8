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
  appended(): number;
  synced(): number;
  stored(): number;
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
    appended: () => appended,
    synced: () => synced,
    stored: () => stored,
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
  /** How many wait. */
  size(): number;
}

interface Waiter {
  readonly sequence: () => number;
  readonly settle: (outcome: 'stored' | 'late') => void;
}

/** Those who wait for the stored mark. Who is told that it is late waits no more: Postgres may be away for days. */
export function createWaiters(): Waiters {
  const waiting = new Set<Waiter>();
  return {
    wait: (sequence, waitMs) =>
      new Promise((resolve) => {
        const waiter: Waiter = {
          sequence,
          settle(outcome) {
            clearTimeout(timer);
            waiting.delete(waiter);
            resolve(outcome);
          },
        };
        const timer = setTimeout(() => waiter.settle('late'), waitMs);
        waiting.add(waiter);
      }),
    advance(mark) {
      for (const waiter of waiting) if (waiter.sequence() <= mark) waiter.settle('stored');
    },
    size: () => waiting.size,
  };
}

/** The stored mark, and what the caller wanted kept with it. */
export interface StoredMark {
  readonly sequence: number;
  readonly note: string;
}

/**
 * The stored mark on disk spares replay: written once a second, without a sync. When it is missing, torn or old, more is
 * replayed, and replaying is harmless. `<sequence> <CRC-32 of all else> <note>` as text; 0 when there is none that can be
 * believed. Segments are deleted only up to a mark that was written.
 */
export async function readMark(directory: string): Promise<StoredMark> {
  const text = await readFile(join(directory, 'stored'), 'utf8').catch(() => '');
  const [, sequence = '', check, note = ''] = /^(\d{1,16}) (\d+)(?: ([^\n]*))?\n?$/.exec(text) ?? [];
  const isGood = sequence !== '' && check === String(crc32(sequence + note));
  return isGood ? { sequence: Number(sequence), note } : { sequence: 0, note: '' };
}

export interface MarkKeeper {
  /** Writes it now, or after the write that is under way. */
  keep(): Promise<void>;
  /** Stops, and writes the last one. */
  stop(): Promise<void>;
}

/**
 * Keeps the stored mark on disk, a second behind; up to ten where its note is so long that making it would take more than a
 * hundredth of the time. `onKept`: all up to there need not be read again.
 */
export function startMarkKeeper(
  directory: string,
  marks: Pick<Watermarks, 'stored'>,
  deps: {
    readonly log: JournalLog;
    readonly note: () => string;
    readonly onKept: (sequence: number) => void;
  },
): MarkKeeper {
  let written = '';
  let isWriting = false;
  let isWanted = false;
  let restUntilMs = 0;

  async function keep(): Promise<void> {
    isWanted = true;
    if (isWriting) return;
    isWriting = true;
    while (isWanted) {
      isWanted = false;
      await write();
    }
    isWriting = false;
  }

  async function write(): Promise<void> {
    const startedAtMs = performance.now();
    // Read together: the note is that of the mark.
    const sequence = marks.stored();
    const note = deps.note();
    const text = `${sequence} ${crc32(sequence + note)}${note === '' ? '' : ` ${note}`}\n`;
    const nowMs = performance.now();
    restUntilMs = nowMs + Math.min(REST_MS_MAX, (nowMs - startedAtMs) * REST_RATIO);
    if (text === written) return;
    try {
      await writeFile(join(directory, 'stored.new'), text, { mode: 0o600 });
      await rename(join(directory, 'stored.new'), join(directory, 'stored'));
      written = text;
      deps.onKept(sequence);
    } catch (error) {
      deps.log('warn', { err: error }, 'the stored mark cannot be written; a restart would send more again');
    }
  }

  const timer = setInterval(() => {
    if (performance.now() >= restUntilMs) void keep();
  }, MARK_INTERVAL_MS);
  timer.unref();
  return {
    keep,
    async stop() {
      clearInterval(timer);
      while (isWriting) await new Promise((resolve) => setTimeout(resolve, 5));
      await keep();
    },
  };
}

const MARK_INTERVAL_MS = 1000;
const REST_RATIO = 100;
const REST_MS_MAX = 10_000;
