/**
 * What a written record costs by how many monthly partitions there are: when all of a batch falls into one month, and when
 * it falls into all of them. Each number of partitions has a database of its own, so that rounds are interleaved.
 */
import type { Sql } from '../../src/store/connect.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Store } from '../../src/store/store.ts';
import { inOrder, makeEntries } from '../micro/entries.ts';
import { openStore, storeEntries } from '../micro/writer.ts';
import { runRounds } from '../rounds.ts';
import { connectBench, type World } from '../world.ts';
import { lineOf, stepsTo, type Curve } from './curve.ts';

export interface PartitionsValues {
  readonly rounds: number;
  readonly partitionsMax: number;
  /** Written at one point in one round. */
  readonly rows: number;
}

interface Place {
  readonly sql: Sql;
  readonly store: Store;
}

const STEPS = [1, 12, 60, 120];
/** Of the month: each has it. */
const DAY = 10;

export async function growPartitions(
  world: World,
  { rounds, partitionsMax, rows }: PartitionsValues,
  tell: (line: string) => void,
): Promise<Curve> {
  const steps = stepsTo(partitionsMax, STEPS);
  const places = new Map<string, Place>();
  try {
    for (const partitions of steps) {
      tell(`partitions: making ${partitions}`);
      places.set(String(partitions), await openPlace(world, partitions));
    }
    const measure = (what: string, makeRows: (partitions: number) => Buffer) =>
      runRounds([...places.keys()], rounds, async (partitions, round) => {
        tell(`partitions: ${partitions}, ${what}, round ${round + 1} of ${rounds}`);
        const place = places.get(partitions);
        if (place === undefined) throw new Error('there is no such database');
        await place.sql`TRUNCATE hits`;
        const entries = makeRows(Number(partitions));
        const startedAtMs = performance.now();
        await storeEntries(place.store, entries);
        return ((performance.now() - startedAtMs) * 1000) / rows;
      });
    const one = await measure('one month', () => makeEntries(rows, inOrder(rows)));
    const all = await measure('all months', (partitions) => makeEntries(rows, overMonths(partitions)));
    return {
      name: 'partitions',
      title: 'A written record, by monthly partitions of its table',
      size: 'partitions',
      lines: [
        lineOf('batch of 1000 in one month', 'µs', one),
        lineOf('batch of 1000 over all months', 'µs', all),
      ],
      remark: '',
    };
  } finally {
    for (const { sql, store } of places.values()) {
      await store.close();
      await sql.end({ timeout: 1 });
    }
  }
}

async function openPlace(world: World, partitions: number): Promise<Place> {
  const name = `partitions_${partitions}`;
  await world.sql.unsafe(`CREATE DATABASE ${name}`);
  const url = world.postgres.url.replace(/[^/]*$/, name);
  const sql = connectBench(url, 1);
  await migrate(sql);
  const store = openStore(sql, url);
  // This one knows them from now on, as a drain does after its first batch.
  await storeEntries(store, makeEntries(partitions, overMonths(partitions)));
  await storeEntries(store, makeEntries(1, inOrder(1)));
  return { sql, store };
}

/** The same day of so many months, in turn. */
function overMonths(months: number): (row: number) => Date {
  const now = new Date();
  return (row) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - (row % months), DAY));
}
