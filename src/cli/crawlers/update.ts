/**
 * sluice crawlers update: fetches the address ranges that vendors of AI crawlers publish, and writes them to the file
 * that gateways read. A source that fails keeps its former ranges; the file is replaced as a whole.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { rangeSources, readPrefixes, type PublishedRanges } from '../../crawlers/ranges.ts';
import { RANGES_FILE, rangesFileSchema } from '../../ingest/enrich/ranges.ts';

const TIMEOUT_MS = 20_000;
const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;

export function addCrawlerCommands(program: Command): void {
  program
    .command('crawlers')
    .description('AI crawlers and where they come from')
    .command('update')
    .description("fetch the crawlers' address ranges from their vendors, so that rows say `verified`")
    .option('--mirror <url>', 'fetch <url>/<host>/<path> instead of https://<host>/<path>')
    .action(async (options: { mirror?: string }) => {
      const failed = await updateRanges(
        join(readConfig().dataDirectory, RANGES_FILE),
        options.mirror ?? null,
      );
      if (failed > 0)
        throw new Error(`${failed} of ${rangeSources.length} sources failed: their former ranges stay.`);
    });
}

/** Returns how many sources failed. */
async function updateRanges(file: string, mirror: string | null): Promise<number> {
  const former = new Map((await readFormer(file)).map((list) => [list.url, list]));
  let failed = 0;
  for (const { url } of rangeSources) {
    const fetched = await fetchPrefixes(
      mirror === null ? url : url.replace('https:/', mirror.replace(/\/$/, '')),
    );
    if (typeof fetched === 'string') failed++;
    else former.set(url, { url, fetched_at: new Date().toISOString(), prefixes: fetched });
    const found = typeof fetched === 'string' ? `failed: ${fetched}` : `${fetched.length} ranges`;
    process.stdout.write(`${url}  ${found}\n`);
  }
  const text = `${JSON.stringify({ sources: [...former.values()] }, null, 1)}\n`;
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
  process.stdout.write(`wrote ${file}\n`);
  return failed;
}

async function readFormer(file: string): Promise<readonly PublishedRanges[]> {
  try {
    return rangesFileSchema.parse(JSON.parse(await readFile(file, 'utf8'))).sources;
  } catch {
    return [];
  }
}

/** The prefixes, or why there are none. */
async function fetchPrefixes(url: string): Promise<readonly string[] | string> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) return `HTTP ${answer.status}`;
    const text = await answer.text();
    if (text.length > DOCUMENT_BYTES_MAX) return 'the document is too long';
    return readPrefixes(JSON.parse(text)) ?? 'the document has no list of prefixes';
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}
