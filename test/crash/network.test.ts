import { describeFaults } from './endured.ts';

describeFaults('the network, of which clients see nothing:', [
  {
    fault: 'wire-cut',
    promise: 'between a gateway and Postgres lets the journal keep what comes',
    holdMs: 1500,
    warned: /Postgres does not take rows/,
  },
  {
    fault: 'wire-cut-in-copy',
    promise: 'leaves nothing of it in Postgres, and all of it is sent again',
    holdMs: 1500,
    warned: /Postgres does not take rows/,
  },
  {
    fault: 'wire-cut-after-commit',
    promise: 'has all of it sent again, and none of it stored twice',
    holdMs: 1500,
    warned: /Postgres does not take rows/,
  },
  { fault: 'redis-killed', promise: 'leaves grants to Postgres', holdMs: 1500 },
  { fault: 'redis-frozen', promise: 'leaves grants to Postgres', holdMs: 1500 },
  { fault: 'redis-flushed', promise: 'is filled again from Postgres', holdMs: 500 },
]);
