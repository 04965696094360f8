/** How V8 is set up for a gateway. */
import { setFlagsFromString } from 'node:v8';

/** To be called before there is load, and when all modules are there: code that was compiled before goes on as it was. */
export function tuneEngine(): void {
  // What a request leaves behind dies with its answer. V8 does not believe that: whatever a collection of young objects finds
  // alive again and again, here the requests that wait for the disk, it makes among the old ones from then on, where they
  // stay, with all that they refer to, until the whole heap is collected: once or twice a second, for up to 80 ms each.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // So the old objects are those that are kept, the grants above all, and nearly nothing else is added to them: they need not
  // be allowed to double before the heap is collected again.
  setFlagsFromString('--heap-growing-percent=40');
  settleStrings();
}

/** V8 notes what a function sees once it has run for a while: so many turns of a loop are enough. */
const READS = 10_000;

/**
 * ioredis derives a class from String, and V8 takes String.prototype for an object that is still being built from then on: each call
 * of a string's method is a look-up in a table, in compiled code too, and reading and encoding a record takes nearly twice
 * as long. It ends when V8 sees a property of the object itself being read.
 */
function settleStrings(): void {
  for (let read = 0; read < READS; read++) void String.prototype.length;
}
