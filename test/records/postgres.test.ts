/** Whatever is accepted comes back from Postgres equal: the encoder, held to the database itself. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameRows, sortByTable } from '../../src/drain/batch.ts';
import { encodeAiFetch, readAiFetch } from '../../src/records/ai-fetch.ts';
import { createRowWriter } from '../../src/records/entry.ts';
import { checkEventName, encodeEvent, readEvent } from '../../src/records/event.ts';
import { createIdSource } from '../../src/records/identity.ts';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault, readPayload, type Fault, type Payload } from '../../src/records/payload.ts';
import type { ReadContext } from '../../src/records/visit.ts';
import { connectPostgres, type Sql } from '../../src/store/connect.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { CLIENT, SITE } from '../setup/rows.ts';

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await createDatabase();
  const openWriter = (): Sql =>
    connectPostgres({
      url: database.url,
      applicationName: 'writer',
      connectionsMax: 1,
      statementTimeoutMs: 10_000,
      connectTimeoutMs: 2000,
      lockTimeoutMs: 0,
    });
  store = createStore({ writeTimeoutMs: 20_000 }, { sql: database.sql, openWriter });
});
afterAll(async () => {
  await store.close();
  await database.close();
});

const nowMs = Date.UTC(2026, 10, 20);
const context: ReadContext = {
  nowMs,
  timePolicy: { pastMs: 20 * 366 * 86_400_000, futureMs: 3_600_000 },
  countryOf: () => 'DE',
  isVerified: () => null,
  clientId: CLIENT,
  idempotencyKey: '',
  index: 0,
};
const ids = createIdSource(randomBytes);
const writer = createRowWriter();

const storable = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0') && text.isWellFormed());
const filled = storable.filter((text) => text.trim() !== '');
const int4 = fc.option(fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }));
/** Months of three years only: each new month is a partition, and takes its time. */
const time = fc.date({ min: new Date('2024-01-01'), max: new Date('2026-11-19'), noInvalidDate: true });
const url = fc
  .tuple(
    fc.constantFrom('https://example.com', 'http://www.EXAMPLE.com:80'),
    fc.webPath(),
    fc.webQueryParameters(),
  )
  .map(([origin, path, query]) => `${origin}${path}?${query}`);

const visit = {
  url,
  timestamp: time.map((date) => date.toISOString()),
  visitor_ip: fc.oneof(fc.ipV4(), fc.ipV6()),
  user_agent: filled,
  id: fc.uuid(),
  session_id: fc.uuid({ version: 4 }),
  referrer: fc.option(storable),
};

/** Encodes each, stores all in one batch, and gives the stored rows by id. */
async function roundTrip<R>(
  table: string,
  payloads: readonly { id: string }[],
  read: (payload: Payload, context: ReadContext) => R | Fault,
  encode: (record: R) => void,
): Promise<{ record: R; row: Record<string, unknown> }[]> {
  const entries: Buffer[] = [];
  const records: R[] = [];
  for (const fields of payloads) {
    const payload = readPayload(Buffer.from(JSON.stringify(fields)));
    if (isFault(payload)) throw new Error(payload.detail);
    const record = read(payload, context);
    if (isFault(record)) throw new Error(`${record.field}: ${record.detail}`);
    encode(record);
    entries.push(Buffer.from(writer.buffer().subarray(0, writer.length())));
    records.push(record);
  }
  const [batch] = sortByTable(Buffer.concat(entries));
  if (batch === undefined) return [];
  expect(await store.write(frameRows(batch, 0, batch.rowCount))).toMatchObject({ kind: 'stored' });
  const rows = await database.sql<{ id: string }[]>`
    SELECT * FROM ${database.sql(table)} WHERE id IN ${database.sql(payloads.map((fields) => fields.id))}`;
  const byId = new Map(rows.map((row) => [row.id, row as unknown as Record<string, unknown>]));
  return records.map((record, index) => ({ record, row: byId.get(payloads[index]?.id ?? '') ?? {} }));
}

describe('what is accepted comes back from Postgres equal', () => {
  it('as a pageview', { timeout: 120_000 }, async () => {
    const pageview = fc.record({
      ...visit,
      page_id: fc.uuid({ version: 4 }),
      viewport_width: int4,
      viewport_height: int4,
      screen_width: int4,
      screen_height: int4,
      language: fc.option(storable),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(pageview, { minLength: 1, maxLength: 20, selector: (each) => each.id }),
        async (payloads) => {
          const results = await roundTrip('hits', payloads, readPageview, (record) =>
            encodePageview(writer, record, { siteId: SITE, clientId: CLIENT, nowMs, ids }),
          );
          for (const [index, { record, row }] of results.entries()) {
            const sent = payloads[index];
            expect(row).toMatchObject({
              site_id: SITE,
              client_id: CLIENT,
              timestamp: new Date(sent?.timestamp ?? ''),
              received_at: new Date(nowMs),
              session_id: sent?.session_id,
              page_id: sent?.page_id,
              path: record.path,
              hostname: 'example.com',
              referrer: sent?.referrer,
              user_agent: sent?.user_agent,
              viewport_width: sent?.viewport_width,
              viewport_height: sent?.viewport_height,
              screen_width: sent?.screen_width,
              screen_height: sent?.screen_height,
              language: sent?.language,
              country_code: 'DE',
            });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('as an event, its properties as JSON sees them', { timeout: 120_000 }, async () => {
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, false),
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
        storable,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(storable, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;
    const event = fc.record({
      ...visit,
      name: filled,
      properties: fc.dictionary(storable, json, { maxKeys: 5, noNullPrototype: true }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(event, { minLength: 1, maxLength: 20, selector: (each) => each.id }),
        async (payloads) => {
          const results = await roundTrip('events', payloads, readEvent, (record) => {
            expect(checkEventName(record)).toBeNull();
            encodeEvent(writer, record, { siteId: SITE, clientId: CLIENT, nowMs, ids });
          });
          for (const [index, { row }] of results.entries()) {
            const sent = payloads[index];
            expect(row).toMatchObject({
              name: sent?.name.trim(),
              session_id: sent?.session_id,
              referrer: sent?.referrer,
              user_agent: sent?.user_agent,
            });
            expect(row['properties']).toEqual(JSON.parse(JSON.stringify(sent?.properties)));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('as a fetch by an AI crawler', { timeout: 120_000 }, async () => {
    const fetched = fc.record({
      id: fc.uuid(),
      path: filled.filter((text) => !/^\s*https?:\/\//i.test(text)),
      status_code: fc.integer({ min: 100, max: 599 }),
      user_agent: storable.map((text) => `${text} GPTBot/1.2`),
      hostname: fc.option(fc.domain()),
      content_type: fc.option(storable),
      response_ms: fc.option(fc.integer({ min: 1, max: 2_147_483_647 })),
      bytes_served: fc.option(fc.maxSafeInteger().filter((number) => number > 0)),
      timestamp: visit.timestamp,
      method: fc.option(fc.constantFrom('GET', 'HEAD', 'POST')),
      referrer: fc.option(storable),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fetched, { minLength: 1, maxLength: 20, selector: (each) => each.id }),
        async (payloads) => {
          const results = await roundTrip('ai_fetches', payloads, readAiFetch, (record) =>
            encodeAiFetch(writer, record, { siteId: SITE, clientId: CLIENT, nowMs, ids }),
          );
          for (const [index, { record, row }] of results.entries()) {
            const sent = payloads[index];
            expect(row).toMatchObject({
              timestamp: new Date(sent?.timestamp ?? ''),
              assistant_name: 'GPTBot',
              path: record.path,
              hostname: sent?.hostname?.toLowerCase() ?? null,
              status_code: sent?.status_code,
              response_ms: sent?.response_ms,
              bytes_served: sent?.bytes_served === null ? null : String(sent?.bytes_served),
              user_agent: sent?.user_agent,
              method: sent?.method,
              referrer: sent?.referrer,
            });
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
