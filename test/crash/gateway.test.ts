import { describeFaults } from './endured.ts';

const LOST = ['no answer', '503 stopping'];

describeFaults('a gateway', [
  {
    fault: 'gateway-killed',
    promise: 'loses nothing that it promised: the next start reads its journal',
    holdMs: 800,
    seen: LOST,
    mustSee: '202',
  },
  {
    fault: 'gateway-stopped',
    promise: 'answers what is in flight, ends with 0, and leaves the rest in its journal',
    holdMs: 500,
    seen: LOST,
    mustSee: '202',
  },
  {
    fault: 'gateway-frozen',
    promise: 'answers late or not at all, and what it says afterwards is true',
    holdMs: 2500,
    seen: LOST,
  },
  {
    fault: 'journal-torn',
    promise: 'costs nothing that was promised, and is cut off',
    holdMs: 100,
    seen: LOST,
    warned: /an interrupted write at the end of the journal is cut off/,
  },
  {
    fault: 'journal-flipped-byte',
    promise: 'costs the one frame that it lies in, which is reported, counted and set aside',
    holdMs: 100,
    seen: LOST,
    warned: /the disk has damaged entries of the journal/,
  },
]);
