/** How long a gateway takes to come up again: reading a journal that Postgres has nothing of, and starting as a whole. */
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { openJournal, type Journal } from '../../src/journal/journal.ts';
import { startProcess } from '../../test/setup/gateway.ts';
import { runRounds, spreadOf } from '../rounds.ts';
import type { World } from '../world.ts';
import { inOrder, makeEntries } from './entries.ts';
import type { Found } from './line.ts';
import { forEachEntry } from '../../src/records/entry.ts';

export interface RecoveryValues {
  readonly rounds: number;
  readonly journalBytes: number;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const SEGMENT_BYTES = 32 * MIB;
const PENDING_BYTES_MAX = 64 * MIB;
/** In the journal's lines an entry begins so much before its row. */
const ENTRY_HEADER_BYTES = 8;
const BLOCK_ROWS = 2000;

export async function benchRecovery(
  world: World,
  values: RecoveryValues,
  tell: (line: string) => void,
): Promise<Found> {
  const directory = join(world.directory, 'recovery');
  tell(`recovery: a journal of ${Math.round(values.journalBytes / MIB)} MiB`);
  const entries = await fillJournal(directory, values.journalBytes);
  const measured = await runRounds(['journal', 'start'], values.rounds, async (what, round) => {
    tell(`recovery: ${what}, round ${round + 1} of ${values.rounds}`);
    const startedAtMs = performance.now();
    if (what === 'start') {
      const gateway = await startProcess({
        DATABASE_URL: world.postgres.url,
        SLUICE_DATA_DIR: join(world.directory, 'start'),
      });
      const ms = performance.now() - startedAtMs;
      await gateway.stop('SIGTERM');
      return ms;
    }
    const journal = await openLarge(directory, values.journalBytes);
    const seconds = (performance.now() - startedAtMs) / 1000;
    const found = journal.recovered.entries;
    await journal.close();
    if (found !== entries) throw new Error(`disqualified: ${found} of ${entries} entries were found`);
    return (seconds * GIB) / values.journalBytes;
  });
  await rm(directory, { recursive: true });
  return {
    figures: {},
    lines: [
      {
        what: 'recovery of a journal, from the page cache',
        measured: spreadOf(measured['journal'] ?? []),
        unit: 's/GiB',
      },
      {
        what: 'start until it listens, nothing to recover',
        measured: spreadOf(measured['start'] ?? []),
        unit: 'ms',
      },
    ],
  };
}

/** With room for more than `bytes`. */
export function openLarge(directory: string, bytes: number): Promise<Journal> {
  return openJournal(
    {
      directory,
      segmentBytes: SEGMENT_BYTES,
      journalBytesMax: bytes * 4 + 8 * SEGMENT_BYTES,
      frameBytesMax: 4 * MIB,
      pendingBytesMax: PENDING_BYTES_MAX,
    },
    { log: () => undefined },
  );
}

/** Returns how many entries it wrote. */
async function fillJournal(directory: string, bytes: number): Promise<number> {
  const journal = await openLarge(directory, bytes);
  const { entries } = await appendBytes(journal, bytes);
  await journal.close();
  return entries;
}

/** Appends pageviews until there are so many bytes more, and waits for the disk after each 2000. */
export async function appendBytes(
  journal: Journal,
  bytes: number,
): Promise<{ readonly entries: number; readonly bytes: number }> {
  const block = makeEntries(BLOCK_ROWS, inOrder(BLOCK_ROWS));
  let entries = 0;
  let written = 0;
  for (; written < bytes; written += block.length) {
    forEachEntry(block, 0, block.length, (_table, rowStart, rowEnd) => {
      const append = journal.append(block, rowStart - ENTRY_HEADER_BYTES, rowEnd);
      if (append.kind !== 'appended') throw new Error(`the journal is ${append.reason}`);
      entries++;
    });
    await journal.flush();
  }
  return { entries, bytes: written };
}
