import { describeFaults } from './endured.ts';

/** So that tables are larger than what Postgres may write, and segments are soon full. */
const paddingBytes = 4000;

describeFaults('a disk', [
  {
    fault: 'journal-write-refused',
    promise:
      'ends the taking of records by that gateway until a restart, and costs nothing that was promised',
    holdMs: 1500,
    seen: ['503 journal_failed', 'no answer'],
    mustSee: '503 journal_failed',
    paddingBytes,
  },
  {
    fault: 'journal-disk-full',
    promise: 'has records refused while there is no room, and taken again by itself',
    holdMs: 8000,
    seen: ['503 journal_full', '202 journal_full', 'no answer'],
    mustSee: '503 journal_full',
    paddingBytes: 2 * paddingBytes,
    // Two segments' worth in half of the time, and no more than a busy machine can bring to Postgres.
    recordsPerSecond: 2000,
  },
  {
    fault: 'postgres-disk-full',
    promise: 'has the write tried again until there is room, of which clients see nothing',
    holdMs: 2500,
    warned: /Postgres does not take rows: .*File too large/,
    paddingBytes,
  },
  {
    fault: 'postgres-log-disk-full',
    promise: 'makes Postgres end itself and recover, of which clients see nothing',
    holdMs: 2500,
    warned: /Postgres does not take rows/,
    paddingBytes,
  },
]);
