/** How V8 is set up for a gateway. */
import { setFlagsFromString } from 'node:v8';

/**
 * What a request leaves behind dies with its answer. V8 does not believe that: whatever a collection of young objects finds
 * alive again and again, here the requests that wait for the disk, it makes among the old ones from then on, where they stay,
 * with all that they refer to, until the whole heap is collected. Under load that was once or twice a second, for up to 80 ms
 * each. To be called before there is load: code that was compiled before goes on as it was.
 */
export function tuneEngine(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
