/**
 * How many look-ups may be in Postgres at once: 8 through each gate. One that waits or runs for more than 2 s, or finds
 * 1000 waiting, fails.
 */

const LOOKUP_MS_MAX = 2000;
const CONCURRENT_MAX = 8;
const WAITING_MAX = 1000;

export type Gate = <T>(query: () => PromiseLike<T>) => Promise<T>;

export function createGate(): Gate {
  let running = 0;
  /** Each is called when a place was handed to it; in the order of arrival. */
  const waiting = new Set<() => void>();

  async function takePlace(): Promise<void> {
    if (running < CONCURRENT_MAX) {
      running++;
      return;
    }
    if (waiting.size >= WAITING_MAX) throw new Error('too many look-ups are waiting');
    let proceed = (): void => undefined;
    const turn = new Promise<void>((resolve) => (proceed = resolve));
    waiting.add(proceed);
    await awaitWithin(LOOKUP_MS_MAX, turn).finally(() => waiting.delete(proceed));
  }

  function leavePlace(): void {
    const [next] = waiting;
    if (next === undefined) {
      running--;
      return;
    }
    waiting.delete(next);
    next();
  }

  return async (query) => {
    await takePlace();
    try {
      return await awaitWithin(LOOKUP_MS_MAX, query());
    } finally {
      leavePlace();
    }
  };
}

/** Fails when `work` takes longer. The work itself goes on; what it brings then is not looked at. */
export async function awaitWithin<T>(waitMsMax: number, work: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${waitMsMax} ms`)), waitMsMax);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
