/**
 * The parts of a long bench, one after the other: each tells how long it took, one that fails says why and takes no other
 * with it, and what is known so far is handed over whenever a part ends, so that nothing measured is lost.
 */
export interface PartTime {
  readonly name: string;
  readonly seconds: number;
  /** Null: it has been measured. */
  readonly failure: string | null;
}

export interface Parts<Found> {
  /** Never fails. */
  run(name: string, work: () => Promise<Found>): Promise<void>;
  /** For what several parts stand on. Only its own failure counts. */
  around(name: string, work: () => Promise<void>): Promise<void>;
  readonly found: readonly Found[];
  readonly times: readonly PartTime[];
}

export interface PartsDeps<Found> {
  readonly tell: (line: string) => void;
  /** A part has ended. */
  readonly onPart: (parts: Pick<Parts<Found>, 'found' | 'times'>) => Promise<void>;
}

export function createParts<Found>({ tell, onPart }: PartsDeps<Found>): Parts<Found> {
  const found: Found[] = [];
  const times: PartTime[] = [];

  async function note(name: string, startedAtMs: number, failure: string | null): Promise<void> {
    const seconds = Math.round((performance.now() - startedAtMs) / 100) / 10;
    times.push({ name, seconds, failure });
    tell(
      `${name}: ${failure === null ? 'done' : 'FAILED'} after ${seconds} s${failure === null ? '' : `: ${failure}`}\n`,
    );
    await onPart({ found, times });
  }

  return {
    async run(name, work) {
      const startedAtMs = performance.now();
      let failure: string | null = null;
      try {
        found.push(await work());
      } catch (error) {
        failure = describe(error);
      }
      await note(name, startedAtMs, failure);
    },
    async around(name, work) {
      const startedAtMs = performance.now();
      try {
        await work();
      } catch (error) {
        await note(name, startedAtMs, describe(error));
      }
    },
    found,
    times,
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
