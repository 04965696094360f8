/** Waits until a server is quiet. What is in a socket's buffer and not yet read is in flight too, and cannot be seen. */
import { setTimeout as sleep } from 'node:timers/promises';

/** So many looks in a row, each in a turn of its own, in which what senders have written already would have come in. */
const QUIET_LOOKS = 10;
const LOOK_MS = 10;

/**
 * Resolves when nothing was in flight, and nothing came, for a while; or after `timeoutMs`. Looks are counted, not time:
 * on a busy machine a turn may come late, and nobody has looked meanwhile.
 */
export async function waitUntilQuiet(
  count: () => { readonly inFlight: number; readonly requests: number },
  timeoutMs: number,
): Promise<'settled' | 'late'> {
  const deadline = performance.now() + timeoutMs;
  let seen = count().requests;
  for (let looks = 0; looks < QUIET_LOOKS;) {
    await sleep(LOOK_MS);
    const { inFlight, requests } = count();
    looks = inFlight > 0 || requests !== seen ? 0 : looks + 1;
    seen = requests;
    if (performance.now() > deadline) return 'late';
  }
  return 'settled';
}
