/** Metrics of what stores records: the journal, and its way into Postgres. */
import { counter, gauge, histogram, type Family } from './family.ts';

const STATES = ['open', 'full', 'failed', 'closed'] as const;

export const storageFamilies: readonly Family[] = [
  gauge(
    'sluice_journal_state',
    '1 for the state that the journal is in',
    ['state'],
    ({ journal }) => STATES.map((state) => [journal.state === state ? 1 : 0, state]),
    'max',
  ),
  {
    ...counter(
      'sluice_journal_records_total',
      'Records that have passed each mark of the journal since it was made',
      ['mark'],
      ({ journal }) => [
        [journal.appended, 'appended'],
        [journal.synced, 'synced'],
        [journal.stored, 'stored'],
      ],
    ),
    outlivesProcess: true,
  },
  gauge(
    'sluice_journal_backlog_records',
    'Records that are not in Postgres yet',
    [],
    ({ journal }) => journal.appended - journal.stored,
  ),
  gauge(
    'sluice_journal_backlog_bytes',
    'Their bytes, within the newest file by the part of its records',
    [],
    ({ journal }) => journal.backlogBytes,
  ),
  gauge(
    'sluice_journal_backlog_age_seconds',
    'How long the oldest of them has waited, since the start of the gateway at most',
    [],
    ({ backlogAgeMs }) => backlogAgeMs / 1000,
    'max',
  ),
  gauge(
    'sluice_journal_room_bytes',
    'What the journal can still take before it refuses records',
    [],
    ({ journal }) => journal.roomBytes,
    'min',
  ),
  gauge(
    'sluice_journal_orphaned_records',
    'Records in journals of processes that are no more, which are not in Postgres yet',
    [],
    ({ orphans }) => orphans.waiting,
  ),
  gauge('sluice_journal_disk_bytes', 'Size of its files', [], ({ journal }) => journal.bytesOnDisk),
  gauge(
    'sluice_journal_pending_bytes',
    'Memory of records that wait for the disk',
    [],
    ({ journal }) => journal.pendingBytes,
  ),
  histogram(
    'sluice_journal_write_duration_seconds',
    'Writes of a frame, each synced',
    ({ journal }) => journal.writes,
  ),
  counter(
    'sluice_journal_damaged_ranges_total',
    'Places where the disk gave back something else than was written; set aside',
    [],
    ({ journal }) => journal.damagedRanges,
  ),
  counter(
    'sluice_journal_damaged_bytes_total',
    'Bytes of these places',
    [],
    ({ journal }) => journal.damagedBytes,
  ),
  counter(
    'sluice_drain_rows_total',
    'Rows that have left the journal, by what became of them',
    ['outcome'],
    ({ store, drain, orphans }) => [
      [store.rowsInserted + orphans.rowsInserted, 'inserted'],
      [store.rowsDuplicate + orphans.rowsDuplicate, 'duplicate'],
      [drain.rowsQuarantined + orphans.rowsQuarantined, 'quarantined'],
    ],
  ),
  counter(
    'sluice_drain_batches_total',
    'COPY statements: direct into the table, or staged because rows were there already',
    ['way'],
    ({ store }) => [
      [store.copies, 'direct'],
      [store.stagedCopies, 'staged'],
    ],
  ),
  counter(
    'sluice_drain_failures_total',
    'Attempts that Postgres did not take; each is made again',
    [],
    ({ drain }) => drain.failuresInAll,
  ),
  gauge(
    'sluice_drain_failures_in_a_row',
    'Such attempts since the last good one; 0: Postgres takes rows',
    [],
    ({ drain }) => drain.failures,
    'max',
  ),
  histogram(
    'sluice_drain_write_duration_seconds',
    'Attempts to write a batch to Postgres, good and bad',
    ({ store }) => store.writes,
  ),
  counter(
    'sluice_partitions_made_total',
    'Partitions that this gateway has made',
    [],
    ({ store, housekeeping }) => store.partitionsMade + housekeeping.partitionsMade,
  ),
  counter(
    'sluice_partitions_dropped_total',
    'Partitions that this gateway has dropped, because all of it was older than what is kept',
    [],
    ({ housekeeping }) => housekeeping.partitionsDropped,
  ),
  counter(
    'sluice_housekeeping_rows_total',
    'Rows that this gateway has deleted from tables without partitions',
    [],
    ({ housekeeping }) => housekeeping.rowsDeleted,
  ),
  counter(
    'sluice_housekeeping_failures_total',
    'Tables that housekeeping could not put in order; each is tried again after ten minutes',
    [],
    ({ housekeeping }) => housekeeping.failures,
  ),
  gauge(
    'sluice_housekeeping_last_success_timestamp_seconds',
    'When all tables were last in order; before the first time, when the gateway started',
    [],
    ({ housekeeping }) => housekeeping.lastSuccessAtMs / 1000,
    'min',
  ),
];
