/**
 * Has a variant stored what it was sent? Each record is sent once, with an id; then the rows in Postgres are compared with
 * the records by a digest over both, made here without any of Sluice's code. Of a variant that only holds rows in memory
 * these are first copied into Postgres as they are. A variant that fails is disqualified: its speed is of no interest.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameRows, sortByTable } from '../../src/drain/batch.ts';
import type { Sql } from '../../src/store/connect.ts';
import { copyIn } from '../../src/store/copy.ts';
import { createPartitions } from '../../src/store/partitions.ts';
import type { Form, MadeRequest, SentRecord } from './forms.ts';

const TABLES: readonly Form['table'][] = ['hits', 'events', 'ai_fetches'];

const AT_ONCE = 8;
const STORED_WAITS = 600;
const WAIT_MS = 50;

/** Throws when the digests differ. The tables are empty before and after. */
export async function checkStored(
  sql: Sql,
  port: number,
  form: Form,
  requests: readonly MadeRequest[],
  isHeld: boolean,
): Promise<void> {
  const sent = requests.flatMap(({ records }) => records);
  if (isHeld) await takeHeld(port);
  await truncate(sql);
  await sendOnce(port, requests);
  if (isHeld) await copyEntries(sql, await takeHeld(port));
  else await waitForRows(sql, form.table, sent.length);
  const rows = await sql.unsafe<Record<string, unknown>[]>(
    `SELECT ${COLUMNS[form.table]} FROM ${form.table}`,
  );
  const wanted = digest(sent.map((record) => describe[form.table](record)));
  const found = digest(rows.map((row) => Object.values(row)));
  if (wanted !== found)
    throw new Error(
      `disqualified: the ${rows.length} rows are not the ${sent.length} records of ${form.name}`,
    );
  await truncate(sql);
}

/** Each once, a few at a time. Throws when one is not answered with 202. */
export async function sendOnce(port: number, requests: readonly MadeRequest[]): Promise<void> {
  const waiting = requests.values();
  const send = async (): Promise<void> => {
    for (const request of waiting) await post(port, request, {});
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
}

async function post(
  port: number,
  { path, token, body, contentType, encoding }: MadeRequest,
  more: Readonly<Record<string, string>>,
): Promise<Response> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': contentType, ...more };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: encoding === '' ? headers : { ...headers, 'Content-Encoding': encoding },
    body: new Uint8Array(body),
  });
  const text = await answer.text();
  if (answer.status !== 202) throw new Error(`disqualified: ${answer.status} ${text}`);
  return answer;
}

async function takeHeld(port: number): Promise<Buffer> {
  const answer = await fetch(`http://127.0.0.1:${port}/held`);
  return Buffer.from(await answer.arrayBuffer());
}

async function copyEntries(sql: Sql, entries: Buffer): Promise<void> {
  const partitions = createPartitions(sql);
  for (const batch of sortByTable(entries)) {
    const { table, columns, copyStream, months } = frameRows(batch, 0, batch.rowCount);
    await partitions.ensure(table, months);
    await copyIn(sql, `COPY ${table} (${columns.join(', ')}) FROM STDIN (FORMAT binary)`, copyStream);
  }
}

/** Waits until all that Sluice has taken so far is in Postgres: what comes to Postgres comes in order. */
export async function awaitStored(port: number, marker: MadeRequest): Promise<void> {
  for (let isStored = false; !isStored;) {
    const answer = await post(port, marker, { Prefer: 'durability=postgres' });
    isStored = answer.headers.get('preference-applied') !== 'durability=journal';
  }
}

/**
 * Waits until all that the variant has taken so far is in Postgres, and empties the tables. Throws when there are fewer
 * rows than were answered with 202; there may be more: of requests that were under way when a load ended.
 */
export async function settle(
  sql: Sql,
  port: number,
  form: Form,
  marker: MadeRequest,
  atLeast: number,
): Promise<void> {
  await awaitStored(port, marker);
  await emptyTables(sql, form, atLeast);
}

/** Throws when there are fewer rows than that. */
export async function emptyTables(sql: Sql, form: Form, atLeast: number): Promise<void> {
  const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${sql(form.table)}`;
  if ((row?.n ?? 0) < atLeast)
    throw new Error(`disqualified: ${form.table} has ${row?.n} rows, and ${atLeast} were answered with 202`);
  await truncate(sql);
}

async function waitForRows(sql: Sql, table: Form['table'], atLeast: number): Promise<void> {
  for (let attempt = 0; attempt < STORED_WAITS; attempt++) {
    const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${sql(table)}`;
    if ((row?.n ?? 0) >= atLeast) return;
    await sleep(WAIT_MS);
  }
}

async function truncate(sql: Sql): Promise<void> {
  await sql.unsafe(`TRUNCATE ${TABLES.join(', ')}`);
}

/** In the order in which `describe` has them. */
const COLUMNS: Readonly<Record<Form['table'], string>> = {
  hits: 'id, timestamp, session_id, hostname, path, user_agent, referrer, language, viewport_width, utm_source',
  events: 'id, timestamp, session_id, hostname, path, user_agent, referrer, name, properties',
  ai_fetches: 'id, timestamp, path, status_code, user_agent, content_type',
};

const describe: Readonly<Record<Form['table'], (record: SentRecord) => readonly unknown[]>> = {
  hits: (record) => {
    const { id, session_id, user_agent, referrer, language, viewport_width } = record;
    const url = new URL(String(record['url']));
    const place = [timeOf(record), session_id, url.hostname, url.pathname + url.search];
    return [id, ...place, user_agent, referrer, language, viewport_width, url.searchParams.get('utm_source')];
  },
  events: (record) => {
    const { id, session_id, user_agent, referrer, name, properties } = record;
    const url = new URL(String(record['url']));
    const place = [timeOf(record), session_id, url.hostname, url.pathname + url.search];
    return [id, ...place, user_agent, referrer, name, properties];
  },
  ai_fetches: (record) => {
    const { id, path, status_code, user_agent, content_type } = record;
    return [id, timeOf(record), path, status_code, user_agent, content_type];
  },
};

function timeOf(record: SentRecord): Date {
  return new Date(String(record['timestamp']));
}

/** Of the rows as a set; objects with their keys in order, since jsonb has an order of its own. */
function digest(rows: readonly (readonly unknown[])[]): string {
  const lines = rows.map((row) => JSON.stringify(row, sortKeys)).toSorted();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
