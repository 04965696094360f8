/** sluice quarantine retry: tries all of it again. A row or a line leaves the quarantine once it is where it belongs. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config.ts';
import { readTimePolicy } from '../../config/retention.ts';
import { frameRows, sortByTable } from '../../drain/batch.ts';
import { createCountries } from '../../ingest/enrich/country.ts';
import { openCrawlerRanges } from '../../ingest/enrich/ranges.ts';
import { rereadLine } from '../../ingest/shippers/reread.ts';
import { createRowWriter } from '../../records/entry.ts';
import { createIdSource } from '../../records/identity.ts';
import type { Sql } from '../../store/connect.ts';
import { createStore, type Store } from '../../store/store.ts';

export interface RetryOptions {
  readonly fields: string;
  readonly hostname?: string;
  readonly pageviews?: true;
}

interface Counts {
  stored: number;
  skipped: number;
  kept: number;
}

export async function retry(
  sql: Sql,
  openWriter: () => Sql,
  config: Config,
  options: RetryOptions,
): Promise<void> {
  const store = createStore({ writeTimeoutMs: config.writeTimeoutMs }, { sql, openWriter });
  const counts: Counts = { stored: 0, skipped: 0, kept: 0 };
  try {
    await retryLines(sql, store, config, options, counts);
    await retryRows(sql, store, counts);
  } finally {
    await store.close();
  }
  process.stdout.write(
    `${counts.stored} stored, ${counts.skipped} not wanted and dropped, ${counts.kept} kept as they are\n`,
  );
}

interface UnreadRow {
  readonly site_id: string;
  readonly timestamp: Date;
  readonly id: string;
  readonly client_id: string;
  readonly received_at: Date;
  readonly format: string;
  readonly line: string;
}

async function retryLines(
  sql: Sql,
  store: Store,
  config: Config,
  options: RetryOptions,
  counts: Counts,
): Promise<void> {
  const writing = { writer: createRowWriter(), ids: createIdSource(randomBytes) };
  const ranges = await openCrawlerRanges(config.dataDirectory, () => undefined);
  ranges.close();
  const addresses = { countryOf: createCountries(), isVerified: ranges.isVerified };
  const timePolicy = readTimePolicy(config);
  const log = {
    fields: options.fields,
    wantsPageviews: options.pageviews === true,
    hostname: options.hostname ?? null,
  };
  for (const row of await sql<UnreadRow[]>`SELECT * FROM unread_lines ORDER BY received_at`) {
    const kept = { siteId: row.site_id, clientId: row.client_id, format: row.format, line: row.line };
    const context = { nowMs: row.received_at.getTime(), timePolicy, ...addresses };
    const reread = rereadLine(kept, log, context, writing);
    const isDone =
      reread.kind === 'skipped' || (reread.kind === 'entry' && (await storeEntry(store, reread.entry)));
    if (!isDone) {
      counts.kept++;
      continue;
    }
    await sql`
      DELETE FROM unread_lines
      WHERE site_id = ${row.site_id} AND timestamp = ${row.timestamp} AND id = ${row.id}`;
    counts[reread.kind === 'entry' ? 'stored' : 'skipped']++;
  }
}

async function retryRows(sql: Sql, store: Store, counts: Counts): Promise<void> {
  for (const { id, entry } of await sql<{ id: string; entry: Buffer }[]>`
    SELECT id, entry FROM quarantine ORDER BY created_at`) {
    if (await storeEntry(store, entry)) {
      await sql`DELETE FROM quarantine WHERE id = ${id}`;
      counts.stored++;
    } else counts.kept++;
  }
}

/** Whether the row is in its table now. Throws when Postgres does not answer. */
async function storeEntry(store: Store, entry: Buffer): Promise<boolean> {
  for (const batch of sortByTable(entry)) {
    const outcome = await store.write(frameRows(batch, 0, batch.rowCount));
    if (outcome.kind === 'unavailable') throw new Error(`Postgres does not take rows: ${outcome.cause}`);
    if (outcome.kind === 'refused') return false;
  }
  return true;
}
