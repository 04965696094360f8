/**
 * Moves the journal into the store at its own pace; the only one that advances the stored mark. A chunk counts as
 * stored when every row of it is in its table, or in quarantine with the reason.
 *
 * When Postgres is down, slow or unclear: the same rows again, with backoff, for ever; the journal keeps what
 * comes meanwhile. When Postgres refuses a row's content: the batch is halved until the row stands alone.
 */
import { describeRow } from '../records/entry.ts';
import type { Journal } from '../journal/journal.ts';
import { createScratch } from '../memory/scratch.ts';
import type { WriteOutcome } from '../store/outcome.ts';
import type { Store, TableRows } from '../store/store.ts';
import { waitBackoff } from './backoff.ts';
import { countByClient, frameRows, sortByTable, type TableBatch } from './batch.ts';
import type { Ledger } from './ledger.ts';

export interface DrainValues {
  /** How much is read from the journal, and sent in one COPY, at most. */
  readonly batchBytesMax: number;
}

export interface DrainDeps {
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly log: (level: 'info' | 'warn' | 'error', fields: object, message: string) => void;
  /** Begins to trace a write; what it returns ends that, with the reason when the rows are not stored. */
  readonly startSpan?: ((table: string, rows: number) => (failure: string | null) => void) | undefined;
  /** Called when draining cannot go on: the journal holds what this release cannot read. */
  readonly onFatal: (error: unknown) => void;
}

export interface Drain {
  stats(): DrainStats;
  /** How long storing so many bytes takes, as things are going; null: nothing is being stored. */
  secondsFor(bytes: number): number | null;
  /** Resolves when all that is synced is stored, or after `timeoutMs`. */
  settle(timeoutMs: number): Promise<'settled' | 'late'>;
  /** Stops between two attempts; what is not stored stays in the journal. */
  close(): Promise<void>;
}

export interface DrainStats {
  readonly rowsQuarantined: number;
  /** Attempts in a row that Postgres did not take. 0 = all is well. */
  readonly failures: number;
  /** Such attempts, since the start. */
  readonly failuresInAll: number;
  readonly lastCause: string | null;
  /** Of the journal, over the last chunks; 0 before the first. */
  readonly bytesPerSecond: number;
}

/**
 * From one read to the next, when the last took all that was synced: a write of a handful of rows costs Postgres as much as
 * one of hundreds. A row may be seen so much later; who waits for it ends the pause.
 */
const PAUSE_MS = 100;
/** How much of the measured speed the newest chunk makes. */
const NEWEST_SHARE = 0.2;

/** Raised inside the loop when the drain is closed in the middle of an outage. */
class Stopped extends Error {}

export function startDrain(values: DrainValues, deps: DrainDeps): Drain {
  const { journal, ledger, store, log } = deps;
  const stopping = new AbortController();
  const scratch = createScratch();
  let rowsQuarantined = 0;
  let failures = 0;
  let failuresInAll = 0;
  let lastCause: string | null = null;
  let bytesPerSecond = 0;

  /** Tries until the outcome is certain. */
  async function persist<T extends { readonly kind: string }>(
    attempt: () => Promise<T>,
  ): Promise<Exclude<T, { kind: 'unavailable' }>> {
    for (;;) {
      if (stopping.signal.aborted) throw new Stopped();
      const outcome = await attempt();
      if (outcome.kind !== 'unavailable') {
        noteRecovery();
        return outcome as Exclude<T, { kind: 'unavailable' }>;
      }
      noteFailure('cause' in outcome ? String(outcome.cause) : 'unknown');
      await waitBackoff(failures, stopping.signal);
    }
  }

  function noteFailure(cause: string): void {
    failures++;
    failuresInAll++;
    if (cause !== lastCause)
      log('warn', { cause, failures }, 'Postgres does not take rows; the journal keeps them');
    lastCause = cause;
  }

  function noteRecovery(): void {
    if (failures > 0) log('info', { failures }, 'Postgres takes rows again');
    failures = 0;
    lastCause = null;
  }

  /** Stores the rows [from, to), halving around those that Postgres refuses. */
  async function storeRows(batch: TableBatch, from: number, to: number): Promise<void> {
    const rows = frameRows(batch, from, to, scratch);
    const outcome = await persist(() => write(rows));
    if (outcome.kind === 'stored') return;
    if (to - from === 1) {
      await quarantineRow(batch, from, rows.table, outcome);
      return;
    }
    const middle = from + Math.ceil((to - from) / 2);
    await storeRows(batch, from, middle);
    await storeRows(batch, middle, to);
  }

  async function write(rows: TableRows): Promise<WriteOutcome> {
    const endSpan = deps.startSpan?.(rows.table, rows.rowCount);
    const outcome = await store.write(rows);
    endSpan?.(outcome.kind === 'stored' ? null : outcome.kind);
    return outcome;
  }

  async function quarantineRow(
    batch: TableBatch,
    row: number,
    table: string,
    refusal: { readonly sqlstate: string; readonly reason: string },
  ): Promise<void> {
    const described = describeRow(batch.entries, batch.bounds[2 * row] ?? 0, batch.bounds[2 * row + 1] ?? 0);
    const { sqlstate, reason } = refusal;
    // Its bytes are those of the chunk: an attempt that is late may still be on its way when the next one is read.
    const kept = { ...described, entry: Buffer.from(described.entry) };
    await persist(() => store.quarantine({ ...kept, table, sqlstate, reason }));
    rowsQuarantined++;
    ledger.noteQuarantined(described.clientId);
    log('error', { table, sqlstate, reason }, 'Postgres refuses a row; it is in quarantine');
  }

  function noteSpeed(bytes: number, startedAtMs: number): void {
    const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1000);
    const share = bytesPerSecond === 0 ? 1 : NEWEST_SHARE;
    bytesPerSecond += share * (bytes / seconds - bytesPerSecond);
  }

  async function run(): Promise<void> {
    for (;;) {
      const chunk = await journal.read(values.batchBytesMax, PAUSE_MS);
      if (chunk === null) return;
      const startedAtMs = performance.now();
      for (const batch of sortByTable(chunk.entries)) await storeRows(batch, 0, batch.rowCount);
      // In one turn: the account that is kept with the mark is the mark's.
      ledger.settle(countByClient(chunk.entries, journal.recovered.lastSequence - chunk.firstSequence + 1));
      journal.advanceStored(chunk.lastSequence);
      noteSpeed(chunk.entries.length, startedAtMs);
    }
  }

  const running = run().catch((error: unknown) => {
    if (!(error instanceof Stopped)) deps.onFatal(error);
  });

  return {
    stats: () => ({
      rowsQuarantined,
      failures,
      failuresInAll,
      lastCause,
      bytesPerSecond: Math.round(bytesPerSecond),
    }),
    secondsFor: (bytes) => (failures > 0 || bytesPerSecond === 0 ? null : bytes / bytesPerSecond),
    settle: async (timeoutMs) =>
      (await journal.stored(journal.stats().synced, timeoutMs)) === 'stored' ? 'settled' : 'late',
    async close() {
      stopping.abort();
      journal.stopReading();
      await running;
    },
  };
}
