import { randomUUID } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitBody } from '../../src/ingest/batch/split.ts';
import { isFault } from '../../src/records/payload.ts';
import {
  addSite,
  createPerson,
  createTeamOf,
  startInstance,
  type Instance,
} from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const PAGEVIEW = '/api/ingest/server/pageview';
const EVENT = '/api/ingest/server/event';
const MIXED = '/api/ingest/server/batch';
const NDJSON = { 'Content-Type': 'application/x-ndjson' };

let instance: Instance;
let site: DemoSite;
let other: DemoSite;
let foreign: { id: string; domain: string };

beforeAll(async () => {
  instance = await startInstance({ SLUICE_REQUEST_MAX_RECORDS: '2000' });
  site = await createDemoSite(instance.sql, 'batch.example.com');
  other = await createDemoSite(instance.sql, 'other.example.com');
  foreign = await addSite(instance.sql, await createTeamOf(instance.sql, await createPerson(instance.sql)));
});
afterAll(async () => {
  await instance.close();
});

interface Summary {
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number | null;
  readonly rejected: number;
  readonly errors: { readonly index: number; readonly code: string }[];
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Summary & { readonly code?: string };
}

async function send(
  path: string,
  body: string | Buffer | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  const answer = await fetch(instance.base + path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${site.token}`, Prefer: 'durability=postgres', ...headers },
    body: isRaw ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (text === '' ? null : JSON.parse(text)) as Answer['body'],
  };
}

const visit = (more: object = {}): object => ({
  id: randomUUID(),
  url: `https://${site.domain}/page`,
  timestamp: '2026-11-20T12:00:00Z',
  visitor_ip: '192.0.2.1',
  user_agent: 'Firefox',
  ...more,
});
const fetched = (more: object = {}): object => ({
  id: randomUUID(),
  path: '/page',
  status_code: 200,
  user_agent: 'GPTBot/1.2',
  timestamp: '2026-11-20T12:00:00Z',
  ...more,
});
const lines = (...records: readonly (object | string)[]): string =>
  records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n');

async function countRows(
  table: 'hits' | 'events' | 'ai_fetches',
  records: readonly object[],
): Promise<number> {
  const ids = records.map((record) => (record as { id: string }).id);
  const rows = await instance.sql`SELECT FROM ${instance.sql(table)} WHERE id = ANY(${ids}::uuid[])`;
  return rows.length;
}

describe('an array', () => {
  it('of pageviews is as many rows, and the answer counts them', async () => {
    const records = [visit(), visit(), visit()];
    const answer = await send(PAGEVIEW, records);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('preference-applied')).toBe('durability=postgres');
    expect(answer.body).toEqual({
      received: 3,
      accepted: 3,
      dropped: 0,
      duplicate: 0,
      rejected: 0,
      durability: 'postgres',
      errors: [],
      errors_omitted: 0,
    });
    expect(await countRows('hits', records)).toBe(3);
  });

  it('of events, and of AI fetches, goes the same way', async () => {
    const events = [visit({ name: 'a' }), visit({ name: 'b', properties: { x: 1 } })];
    expect((await send(EVENT, events)).body).toMatchObject({ received: 2, accepted: 2 });
    expect(await countRows('events', events)).toBe(2);
    const fetches = [fetched(), fetched({ status_code: 404 })];
    expect((await send(`/api/sites/${site.siteId}/ingest/ai-fetch`, fetches)).body).toMatchObject({
      accepted: 2,
    });
    expect(await countRows('ai_fetches', fetches)).toBe(2);
  });

  it('with bad records keeps the good ones, and names the bad ones by place, id and field', async () => {
    const good = [visit(), visit({ url: `https://${site.domain}/2` }), visit({ dnt: true })];
    const id = randomUUID();
    const records = [
      good[0],
      visit({ id, timestamp: 'yesterday' }),
      'text',
      good[1],
      visit({ url: `https://${foreign.domain}/` }),
      visit({ url: 'https://nobody.example.com/' }),
      visit({ id: 'no uuid' }),
      visit({ referrer: '\ud800' }),
      good[2],
    ];
    const answer = await send(PAGEVIEW, records);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ received: 9, accepted: 2, dropped: 1, rejected: 6 });
    expect(answer.body.errors).toEqual([
      { index: 1, id, code: 'field_invalid', field: 'timestamp', detail: expect.any(String) },
      { index: 2, id: null, code: 'body_not_object', field: null, detail: expect.any(String) },
      { index: 4, id: expect.any(String), code: 'forbidden', field: null, detail: expect.any(String) },
      { index: 5, id: expect.any(String), code: 'site_not_found', field: 'url', detail: expect.any(String) },
      { index: 6, id: 'no uuid', code: 'field_invalid', field: 'id', detail: expect.any(String) },
      {
        index: 7,
        id: expect.any(String),
        code: 'text_unstorable',
        field: 'referrer',
        detail: expect.any(String),
      },
    ]);
    expect(await countRows('hits', good.slice(0, 2))).toBe(2);
  });

  it('without a good record is refused, with the first hundred reasons', async () => {
    const answer = await send(
      PAGEVIEW,
      Array.from({ length: 150 }, () => ({})),
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'batch_rejected',
      received: 150,
      accepted: 0,
      rejected: 150,
      errors_omitted: 50,
    });
    expect(answer.body.errors).toHaveLength(100);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  it('that is empty tests the connection', async () => {
    for (const [body, headers] of [
      ['[]', {}],
      ['', NDJSON],
      ['\n\n', NDJSON],
    ] as const) {
      const answer = await send(PAGEVIEW, body, headers);
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ received: 0, accepted: 0, rejected: 0 });
    }
    expect((await send(PAGEVIEW, '[]', { Authorization: 'Bearer x' })).status).toBe(401);
  });

  it('with too many records is refused as a whole', async () => {
    const answer = await send(
      PAGEVIEW,
      Array.from({ length: 2001 }, () => ({})),
    );
    expect(answer.body).toMatchObject({ status: 400, code: 'too_many_records' });
  });
});

describe('one record a line', () => {
  it('is known by its media type, or by its first line', async () => {
    const records = [visit(), visit()];
    expect((await send(PAGEVIEW, lines(...records), NDJSON)).body).toMatchObject({ accepted: 2 });
    const more = [visit(), visit()];
    expect((await send(PAGEVIEW, `${lines(...more)}\n`)).body).toMatchObject({ accepted: 2 });
    expect((await send(PAGEVIEW, lines(visit()), NDJSON)).body).toMatchObject({ received: 1, accepted: 1 });
    expect(await countRows('hits', [...records, ...more])).toBe(4);
  });

  it('may have a broken line, which costs itself alone', async () => {
    const records = [visit(), visit(), visit()];
    const body = Buffer.concat([
      Buffer.from(`${lines(records[0] ?? {}, '{"url":', '', '[1]', records[1] ?? {})}\r\n`),
      Buffer.from([0x7b, 0x22, 0xc3, 0x22, 0x7d, 0x0a]),
      Buffer.from(lines(records[2] ?? {})),
    ]);
    const answer = await send(PAGEVIEW, body, NDJSON);
    expect(answer.body).toMatchObject({ received: 6, accepted: 3, rejected: 3 });
    expect(answer.body.errors.map(({ index, code }) => `${index} ${code}`)).toEqual([
      '1 body_not_json',
      '2 body_not_object',
      '4 body_not_utf8',
    ]);
    expect(await countRows('hits', records)).toBe(3);
  });
});

describe('a mixed batch', () => {
  it('has records of all kinds, for several sites', async () => {
    const both = await createDemoSite(instance.sql, 'both.example.com');
    await instance.sql`
      INSERT INTO api_client_site_roles (id, api_client_id, site_id, role)
      VALUES (gen_random_uuid(), ${both.clientId}, ${other.siteId}, 'admin')`;
    const authorization = { Authorization: `Bearer ${both.token}` };
    const hits = [
      visit({ type: 'pageview', url: 'https://both.example.com/' }),
      visit({ type: 'pageview', url: 'https://other.example.com/' }),
    ];
    const events = [visit({ type: 'event', name: 'x', url: 'https://other.example.com/' })];
    const fetches = [
      fetched({ type: 'ai_fetch', site_id: other.siteId }),
      fetched({ type: 'ai_fetch', hostname: 'www.both.example.com' }),
      fetched({ type: 'ai_fetch', path: 'https://other.example.com/x' }),
    ];
    const bad = [
      visit(),
      visit({ type: 'click' }),
      fetched({ type: 'ai_fetch' }),
      fetched({ type: 'ai_fetch', site_id: 'x' }),
      fetched({ type: 'ai_fetch', site_id: foreign.id }),
    ];
    const answer = await send(MIXED, [...hits, ...events, ...fetches, ...bad], authorization);
    expect(answer.body).toMatchObject({ received: 11, accepted: 6, rejected: 5 });
    expect(answer.body.errors.map(({ code }) => code)).toEqual([
      'field_required',
      'field_invalid',
      'field_required',
      'field_invalid',
      'forbidden',
    ]);
    expect([
      await countRows('hits', hits),
      await countRows('events', events),
      await countRows('ai_fetches', fetches),
    ]).toEqual([2, 1, 3]);
    const one = visit({ type: 'event', name: 'alone', url: 'https://both.example.com/' });
    expect((await send(MIXED, one, authorization)).body).toMatchObject({ received: 1, accepted: 1 });
  });
});

describe('a batch sent again', () => {
  it('is the same rows, and at postgres level the answer says how many were there', async () => {
    const records = [visit(), visit(), visit()];
    expect((await send(PAGEVIEW, records)).body).toMatchObject({ accepted: 3, duplicate: 0 });
    const more = [...records, visit(), records[0] ?? {}];
    expect((await send(PAGEVIEW, more)).body).toMatchObject({ accepted: 5, duplicate: 4 });
    expect((await send(PAGEVIEW, more, { Prefer: 'durability=journal' })).body).toMatchObject({
      accepted: 5,
      duplicate: null,
      durability: 'journal',
    });
    expect(await countRows('hits', more)).toBe(4);
  });

  it('with the same Idempotency-Key is the same rows without any id', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    const path = `/retried/${randomUUID()}`;
    const records = [1, 2, 3].map((place) =>
      visit({ id: undefined, url: `https://${site.domain}${path}?${place}` }),
    );
    expect((await send(PAGEVIEW, records, key)).body).toMatchObject({ accepted: 3, duplicate: 0 });
    expect((await send(PAGEVIEW, records, key)).body).toMatchObject({ accepted: 3, duplicate: 3 });
    const rows = await instance.sql`SELECT FROM hits WHERE path LIKE ${`${path}%`}`;
    expect(rows).toHaveLength(3);
  });
});

describe('validate_only', () => {
  it('does everything but keep, for a batch and for a single record', async () => {
    const records = [visit(), visit({ timestamp: 'x' })];
    const answer = await send(`${PAGEVIEW}?validate_only=1`, records);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ accepted: 1, rejected: 1, durability: null, validate_only: true });
    const single = visit();
    expect((await send(`${PAGEVIEW}?validate_only=true`, single)).body).toMatchObject({
      accepted: 1,
      validate_only: true,
    });
    expect((await send(`${PAGEVIEW}?validate_only=1`, {})).status).toBe(400);
    // Whoever asks for it in another way must not find the record kept.
    for (const query of ['validate_only', 'validate_only=', 'a=b&validate_only=yes', 'validate_only=TRUE'])
      expect((await send(`${PAGEVIEW}?${query}`, single)).body).toMatchObject({ validate_only: true });
    expect((await send(`${PAGEVIEW}?validate_only=0`, visit())).status).toBe(202);
    await send(PAGEVIEW, [visit()]);
    expect(await countRows('hits', [...records, single])).toBe(0);
  });
});

describe('a compressed body', () => {
  const encode = {
    gzip: gzipSync,
    'x-gzip': gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
  } as const;

  it.each(Object.keys(encode) as (keyof typeof encode)[])('in %s is as good as a plain one', async (name) => {
    const records = [visit(), visit()];
    const body = encode[name](Buffer.from(JSON.stringify(records)));
    expect((await send(PAGEVIEW, body, { 'Content-Encoding': name.toUpperCase() })).body).toMatchObject({
      accepted: 2,
    });
    const single = visit();
    const answer = await send(PAGEVIEW, encode[name](Buffer.from(JSON.stringify(single))), {
      'Content-Encoding': name,
    });
    expect([answer.status, answer.body]).toEqual([202, null]);
    expect(await countRows('hits', [...records, single])).toBe(3);
  });

  it('in bare deflate data is taken as well', async () => {
    const body = deflateRawSync(Buffer.from(JSON.stringify([visit()])));
    expect((await send(PAGEVIEW, body, { 'Content-Encoding': 'deflate' })).body).toMatchObject({
      accepted: 1,
    });
  });

  it.each(Object.keys(encode) as (keyof typeof encode)[])('in %s that is a bomb is refused', async (name) => {
    const bomb = encode[name](Buffer.alloc(64 * 1024 * 1024, ' '));
    const answer = await send(PAGEVIEW, bomb, { 'Content-Encoding': name });
    expect(answer.body).toMatchObject({ status: 413, code: 'body_too_large' });
    expect((await send(PAGEVIEW, bomb, { 'Content-Encoding': name, Authorization: 'Bearer x' })).status).toBe(
      401,
    );
  });

  it('that is cut off, or false, is refused and makes no row', async () => {
    const records = [visit()];
    const whole = gzipSync(JSON.stringify(records));
    for (const body of [whole.subarray(0, -9), Buffer.from('no gzip'), Buffer.alloc(0)]) {
      const answer = await send(PAGEVIEW, body, { 'Content-Encoding': 'gzip' });
      expect(answer.body).toMatchObject({ status: 400, code: 'content_encoding_malformed' });
    }
    for (const name of ['gzip, gzip', 'compress', '__proto__', 'constructor'])
      expect((await send(PAGEVIEW, whole, { 'Content-Encoding': name })).status).toBe(415);
    expect(await countRows('hits', records)).toBe(0);
  });
});

describe('a hostile batch', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it.each([
    ['an element nested 10,000 deep', `[${nested(10_000)}]`, 400],
    [
      'properties nested 10,000 deep',
      `[{"url":"https://batch.example.com/","timestamp":"2026-11-20T12:00:00Z","visitor_ip":"192.0.2.1","user_agent":"x","name":"x","properties":{"a":${nested(10_000)}}}]`,
      400,
    ],
    ['a million brackets', '['.repeat(1_000_000), 400],
    ['a line of seven million characters', `{"url":"${'x'.repeat(7_000_000)}"}\n{}`, 400],
    [
      'a record of 100,000 keys',
      `[{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":1`).join(',')}}]`,
      400,
    ],
    ['keys of a prototype', '[{"__proto__":{"url":"x"},"constructor":1}]', 400],
    ['nothing but commas', `[${','.repeat(1000)}]`, 400],
  ])('with %s is refused, and the next one is taken', async (_, body, status) => {
    const answer = await send(EVENT, body);
    expect(answer.status).toBe(status);
    expect((await send(PAGEVIEW, [visit()])).body).toMatchObject({ accepted: 1 });
  });

  it('with a record that is too large loses only that one', async () => {
    const answer = await send(EVENT, [
      visit({ name: 'large', properties: { text: 'x'.repeat(400_000) } }),
      visit({ name: 'x' }),
    ]);
    expect(answer.body).toMatchObject({
      accepted: 1,
      rejected: 1,
      errors: [{ index: 0, code: 'body_too_large' }],
    });
  });
});

describe('splitting a body', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue());

  it('finds every object of an array and of lines, as it was', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 20 }), (records) => {
        const wanted = records.map((record) => JSON.parse(JSON.stringify(record)) as object);
        for (const [text, type] of [
          [JSON.stringify(records), ''],
          [records.map((record) => JSON.stringify(record)).join('\n'), 'application/x-ndjson'],
        ] as const) {
          const split = splitBody(Buffer.from(text), type, 100);
          if (isFault(split) || split.form !== 'batch') throw new Error('no batch');
          expect(split.elements.map((element) => (isFault(element) ? null : element.fields))).toEqual(wanted);
        }
      }),
    );
  });

  it('never fails, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('', 'application/x-ndjson'),
        (bytes, type) => {
          const split = splitBody(Buffer.from(bytes), type, 10);
          expect(isFault(split) || split.form === 'single' || split.elements.length <= 10).toBe(true);
        },
      ),
    );
  });
});
