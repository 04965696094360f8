import { describeFaults } from './endured.ts';

describeFaults('Postgres, of which clients see nothing:', [
  {
    fault: 'postgres-killed',
    promise: 'recovers, and takes what the journal has kept',
    holdMs: 1000,
    warned: /Postgres does not take rows: (CONNECTION_CLOSED|E[A-Z]+)/,
  },
  {
    fault: 'postgres-stopped-at-once',
    promise: 'recovers, and takes what the journal has kept',
    holdMs: 1000,
    warned: /Postgres does not take rows: (CONNECTION_CLOSED|57P|E[A-Z]+)/,
  },
  {
    fault: 'postgres-backend-killed',
    promise: 'drops all connections, recovers, and loses no row that it committed',
    holdMs: 800,
    warned: /Postgres does not take rows: (CONNECTION_CLOSED|57P|E[A-Z]+)/,
  },
  {
    fault: 'postgres-frozen',
    promise: 'is left by the writer, which tries again',
    holdMs: 5000,
    warned: /no answer from Postgres/,
  },
  { fault: 'table-locked', promise: 'waits, and goes on', holdMs: 1500 },
  {
    fault: 'table-locked-past-the-statement-timeout',
    promise: 'has the write cancelled, and tried again until the lock is gone',
    holdMs: 4000,
    warned: /Postgres does not take rows: (57014|55P03)/,
  },
  {
    fault: 'statement-timeout',
    promise: 'has the write tried again until it is fast enough',
    holdMs: 4000,
    warned: /Postgres does not take rows: 57014/,
  },
  {
    fault: 'serialization-failures',
    promise: 'have the write tried again, whole',
    holdMs: 2000,
    warned: /Postgres does not take rows: 40(001|P01)/,
  },
  { fault: 'serializable', promise: 'as the level of every transaction changes nothing', holdMs: 1500 },
  {
    fault: 'postgres-read-only',
    promise: 'has the write tried again until it may write',
    holdMs: 1500,
    warned: /Postgres does not take rows: 25006/,
  },
]);
