/**
 * The crawlers' published address ranges, from the file that `sluice crawlers update` writes. It is read again when it
 * has changed, looked at once a minute; without it, or while it cannot be read, nothing is judged.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createVerifier, type IsVerified } from '../../crawlers/ranges.ts';

export const rangesFileSchema = z.object({
  sources: z.array(
    z.object({ url: z.string(), fetched_at: z.iso.datetime(), prefixes: z.array(z.string()).readonly() }),
  ),
});

type WriteLog = (level: 'info' | 'warn', fields: object, message: string) => void;

/** In the data directory. */
export const RANGES_FILE = 'crawler-ranges.json';

export interface CrawlerRanges {
  readonly isVerified: IsVerified;
  /** Looks at the file now; for tests, and for the first time. */
  readonly refresh: () => Promise<void>;
  readonly close: () => void;
}

const LOOK_MS = 60_000;

export async function openCrawlerRanges(dataDirectory: string, log: WriteLog): Promise<CrawlerRanges> {
  const file = join(dataDirectory, RANGES_FILE);
  let isVerified: IsVerified = () => null;
  let readAtMs = 0;

  async function refresh(): Promise<void> {
    try {
      const { mtimeMs } = await stat(file);
      if (mtimeMs === readAtMs) return;
      readAtMs = mtimeMs;
      const { sources } = rangesFileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      isVerified = createVerifier(sources);
      log('info', { file, sources: sources.length }, "read the crawlers' address ranges");
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      log(
        'warn',
        { err: error, file },
        "cannot read the crawlers' address ranges: go on with the former ones",
      );
    }
  }

  await refresh();
  const timer = setInterval(() => void refresh(), LOOK_MS).unref();
  return {
    isVerified: (token, address) => isVerified(token, address),
    refresh,
    close: () => clearInterval(timer),
  };
}
