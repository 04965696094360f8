/**
 * Sluice's writer alone, without HTTP and journal, against `psql \copy` of the same rows into the same table: one
 * connection each, and two. psql reads a file in COPY's text format, its own; Sluice has its rows as the journal would
 * give them, and frames and sends them in batches of 1000.
 */
import { spawn, spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { frameRows, sortByTable } from '../../src/drain/batch.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { ensureProgram } from '../program.ts';
import { ratioOf, runRounds, spreadOf } from '../rounds.ts';
import { connectBench, type World } from '../world.ts';
import { inOrder, makeEntries } from './entries.ts';
import type { Found } from './line.ts';

const BATCH_ROWS = 1000;
const WRITE_TIMEOUT_MS = 60_000;
const HOUR_MS = 3_600_000;

export async function benchWriter(
  world: World,
  values: { readonly rounds: number; readonly rows: number },
  tell: (line: string) => void,
): Promise<Found> {
  ensureProgram('psql', 'postgresql-client');
  const { sql } = world;
  const half = values.rows / 2;
  const halves = [0, HOUR_MS].map((agoMs) => makeEntries(half, inOrder(half, agoMs)));
  const files: string[] = [];
  for (const [index, entries] of halves.entries()) {
    await sql`TRUNCATE hits`;
    await writeBatches(world, entries);
    files.push(join(world.directory, `hits-${index}.copy`));
    await psql(world, `\\copy (SELECT * FROM hits) TO '${files[index]}'`);
  }
  const whole = Buffer.concat(halves);
  const both = join(world.directory, 'hits.copy');
  spawnSync('sh', ['-c', `cat '${files.join("' '")}' > '${both}'`]);
  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    'Sluice, 1 connection': () => writeBatches(world, whole),
    'psql, 1 connection': () => copyFile(world, both),
    'Sluice, 2 connections': () => Promise.all(halves.map((entries) => writeBatches(world, entries))),
    'psql, 2 connections': () => Promise.all(files.map((file) => copyFile(world, file))),
  };
  const measured = await runRounds(Object.keys(ways), values.rounds, async (way, round) => {
    tell(`writer: ${way}, round ${round + 1} of ${values.rounds}`);
    await sql`TRUNCATE hits`;
    const startedAtMs = performance.now();
    await ways[way]?.();
    const seconds = (performance.now() - startedAtMs) / 1000;
    const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM hits`;
    if (row?.n !== values.rows)
      throw new Error(`disqualified: ${way} stored ${row?.n} of ${values.rows} rows`);
    return values.rows / seconds;
  });
  await sql`TRUNCATE hits`;
  for (const file of [...files, both]) await rm(file);
  return {
    figures: { writer: ratioOf(measured, 'Sluice, 2 connections', 'psql, 2 connections') },
    lines: Object.entries(measured).map(([way, rates]) => ({
      what: `writer alone: ${way}`,
      measured: spreadOf(rates),
      unit: 'rows/s',
    })),
  };
}

/** By a store of its own, as each drain has one. */
async function writeBatches({ sql, postgres }: World, entries: Buffer): Promise<void> {
  const store = openStore(sql, postgres.url);
  await storeEntries(store, entries);
  await store.close();
}

/** `sql`: for its small statements. */
export function openStore(sql: Sql, url: string): Store {
  return createStore({ writeTimeoutMs: WRITE_TIMEOUT_MS }, { sql, openWriter: () => connectBench(url, 1) });
}

/** In batches of 1000; waits for each before the next. */
export async function storeEntries(store: Store, entries: Buffer): Promise<void> {
  for (const batch of sortByTable(entries)) {
    for (let from = 0; from < batch.rowCount; from += BATCH_ROWS) {
      const outcome = await store.write(frameRows(batch, from, Math.min(batch.rowCount, from + BATCH_ROWS)));
      if (outcome.kind !== 'stored') throw new Error(`disqualified: the batch is ${outcome.kind}`);
      if (outcome.duplicates > 0) throw new Error('disqualified: rows were there already');
    }
  }
}

/** `psql \copy` of a whole file in one statement. */
export async function copyFile(world: World, file: string): Promise<void> {
  await psql(world, `\\copy hits FROM '${file}'`);
}

export async function psql(world: World, command: string): Promise<void> {
  const child = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', command, world.postgres.url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`psql ended with ${String(code)}`);
}
