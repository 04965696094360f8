/** Waits until a server is quiet. What is in a socket's buffer and not yet read is in flight too, and cannot be seen. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for a request that its sender has already written. */
const QUIET_MS = 100;

/** Resolves when nothing was in flight, and nothing came, for a while; or after `timeoutMs`. */
export async function waitUntilQuiet(
  count: () => { readonly inFlight: number; readonly requests: number },
  timeoutMs: number,
): Promise<'settled' | 'late'> {
  const deadline = performance.now() + timeoutMs;
  let seen = 0;
  for (
    let quietSince = performance.now();
    performance.now() - quietSince < QUIET_MS;
    await sleep(QUIET_MS / 10)
  ) {
    const { inFlight, requests } = count();
    if (inFlight > 0 || requests !== seen) quietSince = performance.now();
    seen = requests;
    if (performance.now() > deadline) return 'late';
  }
  return 'settled';
}
