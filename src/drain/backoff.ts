/** How long to wait before the next attempt: doubling, capped, and spread so that nodes do not knock together. */
import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_MS = 50;
const MAX_MS = 2000;

/** Half of the wait is fixed, half is chance: `random` is in [0, 1). */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return full / 2 + (full / 2) * random;
}

/** Returns early, without an error, when the signal fires. */
export async function waitBackoff(failures: number, signal: AbortSignal): Promise<void> {
  await sleep(backoffMs(failures, Math.random()), undefined, { signal }).catch(() => undefined);
}
