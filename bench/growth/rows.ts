/**
 * What a written record costs by how many rows its table holds: rows of now, which come behind all others in the index, and
 * rows of any time in the last 30 days, which come between. The table grows from point to point, so that points are not
 * interleaved; it stops growing when its time or its share of the disk is spent. What it is filled with Postgres makes
 * itself, of a thousand pageviews.
 */
import { inOrder, makeEntries } from '../micro/entries.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore, storeEntries } from '../micro/writer.ts';
import { rotate, spreadOf } from '../rounds.ts';
import type { World } from '../world.ts';
import { stepsTo, type Curve, type CurveLine } from './curve.ts';
import { readRoomBytes } from './room.ts';

export interface RowsValues {
  readonly rounds: number;
  readonly tableRowsMax: number;
  /** Written at one point in one round. */
  readonly rows: number;
  /** No further point is begun after so long. */
  readonly fillMsMax: number;
}

const STEPS = [0, 100_000, 1_000_000, 3_000_000, 10_000_000];
const SAMPLE_ROWS = 1000;
const FILL_AT_ONCE = 500_000;
/** With its index and its part of the log, rounded up. */
const ROW_BYTES = 1000;
const PAST_MS = 30 * 86_400_000;

type Point = CurveLine['points'][number];

export async function growRows(
  world: World,
  values: RowsValues,
  tell: (line: string) => void,
): Promise<Curve> {
  const { sql, postgres, directory } = world;
  const { rounds, rows } = values;
  const roomRows = Math.floor((await readRoomBytes(directory)) / ROW_BYTES);
  const tableRowsMax = Math.min(values.tableRowsMax, roomRows);
  const store = openStore(sql, postgres.url);
  const kinds = {
    now: { points: [] as Point[], timeOf: () => inOrder(rows) },
    past: { points: [] as Point[], timeOf: anyTime },
  };
  const deadlineMs = performance.now() + values.fillMsMax;
  let size = 0;
  try {
    await makeSample(world, store);
    for (const step of stepsTo(tableRowsMax, STEPS)) {
      size = await fill(world, size, step, deadlineMs, tell);
      const us: Record<keyof typeof kinds, number[]> = { now: [], past: [] };
      for (let round = -1; round < rounds; round++) {
        for (const kind of rotate(['now', 'past'] as const, round + 1)) {
          tell(`rows: ${size}, ${kind}, round ${round + 1} of ${rounds}`);
          const entries = makeEntries(rows, kinds[kind].timeOf());
          const startedAtMs = performance.now();
          await storeEntries(store, entries);
          if (round >= 0) us[kind].push(((performance.now() - startedAtMs) * 1000) / rows);
        }
      }
      for (const kind of ['now', 'past'] as const)
        kinds[kind].points.push({ size, measured: spreadOf(us[kind]) });
      size += 2 * (rounds + 1) * rows;
      if (performance.now() > deadlineMs) break;
    }
  } finally {
    await sql`TRUNCATE hits`;
    await sql`DROP TABLE IF EXISTS sample`;
    await store.close();
  }
  return {
    name: 'rows',
    title: 'A written record, by rows of its table',
    size: 'rows',
    lines: [
      { what: 'batch of 1000 of now', unit: 'µs', points: kinds.now.points },
      { what: 'batch of 1000 of any time in 30 days', unit: 'µs', points: kinds.past.points },
    ],
    remark:
      performance.now() > deadlineMs || tableRowsMax < values.tableRowsMax
        ? 'It ends where its time, or half of what the disk has left, was spent.'
        : '',
  };
}

function anyTime(): () => Date {
  return () => new Date(Date.now() - Math.random() * PAST_MS);
}

/** The partitions that are needed, and pageviews to fill them with. */
async function makeSample({ sql }: World, store: Store): Promise<void> {
  await sql`TRUNCATE hits`;
  const monthly = (row: number): Date => new Date(Date.now() - (row * PAST_MS) / SAMPLE_ROWS);
  await storeEntries(store, makeEntries(SAMPLE_ROWS, monthly));
  await sql`CREATE TABLE sample AS SELECT row_number() OVER () - 1 AS place, * FROM hits`;
  await sql`TRUNCATE hits`;
}

/** Returns how many rows there are: fewer than wanted when the time is over. */
async function fill(
  { sql }: World,
  from: number,
  to: number,
  deadlineMs: number,
  tell: (line: string) => void,
): Promise<number> {
  const columns = await sql<{ name: string }[]>`
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = 'hits' ORDER BY ordinal_position`;
  const names = columns.map(({ name }) => name);
  // Each filling goes once over the 30 days, in their order.
  const startMs = Date.now() - PAST_MS;
  const made: Readonly<Record<string, string>> = {
    id: 'uuidv7()',
    timestamp: `to_timestamp((${startMs} + (n - ${from})::float8 / ${to - from} * ${PAST_MS}) / 1000)`,
  };
  let size = from;
  while (size < to && performance.now() < deadlineMs) {
    const until = Math.min(to, size + FILL_AT_ONCE);
    tell(`rows: filling, ${until} of ${to}`);
    await sql.unsafe(
      `INSERT INTO hits (${names.join(', ')}) SELECT ${names.map((name) => made[name] ?? name).join(', ')} ` +
        `FROM generate_series(${size}, ${until - 1}) AS n JOIN sample ON place = n % ${SAMPLE_ROWS} ORDER BY n`,
    );
    size = until;
  }
  if (size > from) {
    tell(`rows: ${size}, checkpoint`);
    await sql`VACUUM ANALYZE hits`;
    await sql`CHECKPOINT`;
  }
  return size;
}
