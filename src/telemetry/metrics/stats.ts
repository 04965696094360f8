/** Everything that is counted, by part: what the parts' own `stats()` say. */
import type { DrainStats } from '../../drain/drain.ts';
import type { GrantStats } from '../../grants/resolve.ts';
import type { ServerStats } from '../../http/server.ts';
import type { IngestStats } from '../../ingest/counting/tally.ts';
import type { JournalStats } from '../../journal/journal.ts';
import type { HousekeepingStats } from '../../store/housekeeping/housekeeping.ts';
import type { StoreStats } from '../../store/store.ts';

export interface GatewayStats {
  readonly http: ServerStats;
  /** Null: the administration has no port of its own. */
  readonly administration: ServerStats | null;
  readonly ingest: IngestStats;
  readonly journal: JournalStats;
  /** How long the oldest record that is not in Postgres has been waiting, as far as this process knows. */
  readonly backlogAgeMs: number;
  readonly drain: DrainStats;
  readonly store: StoreStats;
  readonly housekeeping: HousekeepingStats;
  readonly grants: GrantStats;
  /** Journals of processes that are no more. */
  readonly orphans: OrphanStats;
}

export interface OrphanStats {
  /** Records that are not in Postgres yet. */
  readonly waiting: number;
  readonly rowsInserted: number;
  readonly rowsDuplicate: number;
  readonly rowsQuarantined: number;
}
