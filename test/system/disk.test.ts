import { afterAll } from 'vitest';
import { describeFaults } from '../crash/endured.ts';
import { createFailingDisk } from './failing-disk.ts';

const disk = await createFailingDisk();
afterAll(() => disk.close());

const { slow, unsynced, full, clock } = disk.faults;

describeFaults(
  'a gateway with',
  [
    {
      fault: 'a disk that takes seconds for a write',
      ownFault: slow,
      promise: 'says that it does not know, and keeps what it promised',
      holdMs: 5000,
      seen: ['503 journal_slow', '202 journal_slow', 'no answer'],
      mustSee: '503 journal_slow',
    },
    {
      fault: 'a disk whose sync fails',
      ownFault: unsynced,
      promise: 'takes nothing until a restart, and keeps what it promised',
      holdMs: 1500,
      seen: ['503 journal_failed'],
      mustSee: '503 journal_failed',
    },
    {
      fault: 'a full disk',
      ownFault: full,
      promise: 'refuses records until there is room, and goes on by itself',
      holdMs: 6000,
      seen: ['503 journal_full', '202 journal_full', 'no answer'],
      mustSee: '503 journal_full',
      paddingBytes: 8000,
    },
    {
      fault: 'a clock that jumps six hours ahead and back',
      ownFault: clock,
      promise: 'does as before',
      holdMs: 1500,
    },
  ],
  () => ({ gateways: 2, environment: disk.environment, gatewayDirectory: disk.smallDisk }),
);
