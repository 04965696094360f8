/** So much may be done at once; the rest waits for its turn, in order. */
export interface Places {
  /** How many wait. */
  waiting(): number;
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createPlaces(runningMax: number): Places {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function take(): Promise<void> {
    if (running < runningMax) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** A place is handed on: nobody who comes now gets in between. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }

  return {
    waiting: () => waiting.length,
    async run(work) {
      await take();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
