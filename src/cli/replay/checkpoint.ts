/** How far a replay has come in each file, kept in a file of its own: after Ctrl-C or a crash it goes on from there. */
import { readFile, rename, writeFile } from 'node:fs/promises';

export interface Checkpoint {
  /** Lines of the file that are safe in the gateway. */
  linesDone(name: string, bytes: number): number;
  save(name: string, bytes: number, linesDone: number): Promise<void>;
}

interface Entry {
  readonly bytes: number;
  readonly linesDone: number;
}

/**
 * A file that has another size by now is another file, or one that has grown: it is read from its beginning. `purpose`:
 * where to, and what of it; for another one nothing is done yet.
 */
export async function openCheckpoint(path: string, purpose: string): Promise<Checkpoint> {
  const keyOf = (name: string): string => `${purpose} ${name}`;
  const entries = new Map<string, Entry>(
    Object.entries(JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Record<string, Entry>),
  );
  return {
    linesDone(name, bytes) {
      const entry = entries.get(keyOf(name));
      return entry?.bytes === bytes ? entry.linesDone : 0;
    },
    async save(name, bytes, linesDone) {
      // What comes by standard input does not come again.
      if (name === '-') return;
      entries.set(keyOf(name), { bytes, linesDone });
      await writeFile(`${path}.new`, JSON.stringify(Object.fromEntries(entries)));
      await rename(`${path}.new`, path);
    },
  };
}
