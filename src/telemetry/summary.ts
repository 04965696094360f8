/** One line every interval in which there was traffic, instead of a line per request. Reads what the parts count. */
import type { Drain } from '../drain/drain.ts';
import type { Grants } from '../grants/resolve.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Journal } from '../journal/journal.ts';
import type { Store } from '../store/store.ts';
import type { Log } from './log.ts';
import type { OrphanStats } from './metrics/stats.ts';

export interface SummaryDeps {
  readonly log: Log['write'];
  readonly ingest: Pick<Ingest, 'stats'>;
  readonly journal: Journal;
  readonly drain: Drain;
  readonly grants: Grants;
  readonly store: Store;
  /** Journals without a process, whose rows count like one's own. */
  readonly orphans: { stats(): OrphanStats };
}

export interface Summary {
  /** Writes the last line. */
  close(): void;
}

export function startSummary(values: { readonly intervalMs: number }, deps: SummaryDeps): Summary {
  // What was stored while the parts were made belongs to the first line.
  let before: Counts = { ...takeCounts(deps), ...NOTHING };

  function write(): void {
    const now = takeCounts(deps);
    const received = now.received - before.received;
    const inserted = now.inserted - before.inserted;
    if (received > 0 || inserted > 0) {
      deps.log(
        'info',
        {
          received,
          accepted: now.accepted - before.accepted,
          refused: subtractCounts(now.refused, before.refused),
          inserted,
          duplicates: now.duplicates - before.duplicates,
          quarantined: now.quarantined - before.quarantined,
          waiting: now.waiting,
          journalBytes: now.journalBytes,
          revocationLagMsMax: now.revocationLagMsMax,
        },
        'traffic',
      );
    }
    before = now;
  }

  const timer = setInterval(write, values.intervalMs);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      write();
    },
  };
}

type Counts = ReturnType<typeof takeCounts>;

const NOTHING = { received: 0, accepted: 0, refused: {}, inserted: 0, duplicates: 0, quarantined: 0 };

function takeCounts(deps: SummaryDeps) {
  const ingest = deps.ingest.stats();
  const journal = deps.journal.stats();
  const store = deps.store.stats();
  const orphans = deps.orphans.stats();
  return {
    received: ingest.received,
    accepted: ingest.accepted,
    refused: ingest.refused,
    inserted: store.rowsInserted + orphans.rowsInserted,
    duplicates: store.rowsDuplicate + orphans.rowsDuplicate,
    quarantined: deps.drain.stats().rowsQuarantined + orphans.rowsQuarantined,
    waiting: journal.appended - journal.stored + orphans.waiting,
    journalBytes: journal.bytesOnDisk,
    revocationLagMsMax: deps.grants.stats().revocationLagMsMax,
  };
}

function subtractCounts(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): object {
  return Object.fromEntries(
    Object.entries(now)
      .map(([code, count]) => [code, count - (before[code] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}
