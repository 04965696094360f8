/** What a record of each kind takes: as it is sent in an array, and in Postgres with its indexes. */
import { spreadOf } from '../rounds.ts';
import { findForm, type Form } from '../table/forms.ts';
import { serverOf, type Field } from '../table/race.ts';
import { awaitStored, emptyTables, sendOnce } from '../table/stored.ts';
import type { World } from '../world.ts';
import type { Found, Line } from './line.ts';

export interface SizesValues {
  readonly rows: number;
}

const KINDS = {
  'a pageview': 'array of 100',
  'an event': 'array of 100 events',
  'an AI fetch': 'array of 100 ai-fetches',
} as const;

export async function benchSizes(
  { sql }: World,
  field: Field,
  { rows }: SizesValues,
  tell: (line: string) => void,
): Promise<Found> {
  const { port } = serverOf(field, 'journal');
  const lines: Line[] = [];
  for (const [kind, name] of Object.entries(KINDS)) {
    tell(`the size of ${kind}`);
    const form = findForm(name);
    const requests = form.make(field.senders, Math.ceil(rows / form.records), false);
    await sendOnce(port, requests);
    const [marker] = requests;
    if (marker === undefined) throw new Error('there is nothing to send');
    await awaitStored(port, marker);
    const sentBytes = requests.reduce((sum, { body }) => sum + body.length, 0);
    const line = (what: string, bytes: number): Line => ({
      what: `${kind}, ${what}`,
      measured: spreadOf([bytes]),
      unit: 'bytes',
    });
    lines.push(line('as it is sent', sentBytes / (requests.length * form.records)));
    lines.push(line('in Postgres, indexes included', await measureRow(sql, form)));
    await emptyTables(sql, form, rows);
  }
  return { figures: {}, lines };
}

/** Of all partitions, the empty ones too: where there are many rows these do not count. */
async function measureRow(sql: World['sql'], { table }: Form): Promise<number> {
  const [row] = await sql<{ bytes: number }[]>`
    SELECT sum(pg_total_relation_size(inhrelid))::float8 / (SELECT count(*) FROM ${sql(table)}) AS bytes
    FROM pg_inherits WHERE inhparent = ${table}::regclass`;
  return row?.bytes ?? NaN;
}
