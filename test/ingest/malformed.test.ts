import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import {
  createDemoSite,
  makeDirectory,
  startProcess,
  type DemoSite,
  type GatewayProcess,
} from '../setup/gateway.ts';

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let gateway: GatewayProcess;
let site: DemoSite;
let viewer: DemoSite;

beforeAll(async () => {
  database = await createDatabase();
  directory = await makeDirectory();
  site = await createDemoSite(database.sql, 'www.Example.com');
  viewer = await createDemoSite(database.sql, 'viewer.example.com', 'viewer');
  gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
});
afterAll(async () => {
  await gateway.stop('SIGTERM');
  await database.close();
  await directory.remove();
});

const PAGEVIEW = '/api/ingest/server/pageview';
const EVENT = '/api/ingest/server/event';
const AI_FETCH = 'ai-fetch';

const visit = {
  url: 'https://example.com/a',
  timestamp: '2026-01-02T03:04:05Z',
  visitor_ip: '192.0.2.1',
  user_agent: 'Firefox',
};
const event = { ...visit, name: 'signup' };
const fetched = { path: '/a', status_code: 200, user_agent: 'GPTBot/1.2' };

type Expected = readonly [status: number, code: string, field: string | null];

/** What is sent, to which path, and what comes back. A text is sent as it is. */
const cases: readonly (readonly [name: string, path: string, body: unknown, expected: Expected])[] = [
  ['an empty body', PAGEVIEW, '', [400, 'body_not_json', null]],
  ['no JSON', PAGEVIEW, 'url=https://example.com', [400, 'body_not_json', null]],
  ['half of a JSON object', PAGEVIEW, '{"url":', [400, 'body_not_json', null]],
  ['data behind the JSON', PAGEVIEW, `${JSON.stringify(visit)}{}`, [400, 'body_not_json', null]],
  ['a byte order mark', PAGEVIEW, `\u{feff}${JSON.stringify(visit)}`, [400, 'body_not_json', null]],
  ['an array of texts', PAGEVIEW, ['x'], [400, 'batch_rejected', null]],
  ['null', PAGEVIEW, 'null', [400, 'body_not_object', null]],
  ['a number', PAGEVIEW, '7', [400, 'body_not_object', null]],
  [
    'bytes that are not UTF-8',
    PAGEVIEW,
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    [400, 'body_not_utf8', null],
  ],
  [
    'an overlong UTF-8 sequence',
    PAGEVIEW,
    Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
    [400, 'body_not_utf8', null],
  ],
  ['no url', PAGEVIEW, { ...visit, url: undefined }, [400, 'field_required', 'url']],
  ['a blank url', PAGEVIEW, { ...visit, url: '  ' }, [400, 'field_required', 'url']],
  ['a url that is a number', PAGEVIEW, { ...visit, url: 5 }, [400, 'field_type', 'url']],
  ['a relative url', PAGEVIEW, { ...visit, url: '/a' }, [400, 'field_invalid', 'url']],
  ['an ftp url', PAGEVIEW, { ...visit, url: 'ftp://example.com/' }, [400, 'field_invalid', 'url']],
  ['a url without a host', PAGEVIEW, { ...visit, url: 'https:///a' }, [400, 'field_invalid', 'url']],
  [
    'a url with a bad port',
    PAGEVIEW,
    { ...visit, url: 'https://example.com:99999/' },
    [400, 'field_invalid', 'url'],
  ],
  [
    'a url with a broken escape',
    PAGEVIEW,
    { ...visit, url: 'https://example.com/%zz' },
    [400, 'field_invalid', 'url'],
  ],
  [
    'a url with a line feed',
    PAGEVIEW,
    { ...visit, url: 'https://example.com/a\nb' },
    [400, 'field_invalid', 'url'],
  ],
  [
    'a url with a NUL',
    PAGEVIEW,
    { ...visit, url: 'https://example.com/a\0' },
    [400, 'text_unstorable', 'url'],
  ],
  [
    'a NUL hidden in a UTM value',
    PAGEVIEW,
    { ...visit, url: 'https://example.com/?utm_source=a%00b' },
    [400, 'text_unstorable', 'url'],
  ],
  ['no timestamp', PAGEVIEW, { ...visit, timestamp: undefined }, [400, 'field_required', 'timestamp']],
  ['a Unix time', PAGEVIEW, { ...visit, timestamp: 1_767_323_045 }, [400, 'field_type', 'timestamp']],
  [
    'a timestamp without a zone',
    PAGEVIEW,
    { ...visit, timestamp: '2026-01-02T03:04:05' },
    [400, 'field_invalid', 'timestamp'],
  ],
  [
    'a timestamp with a space',
    PAGEVIEW,
    { ...visit, timestamp: '2026-01-02 03:04:05Z' },
    [400, 'field_invalid', 'timestamp'],
  ],
  [
    'the 30th of February',
    PAGEVIEW,
    { ...visit, timestamp: '2026-02-30T03:04:05Z' },
    [400, 'field_invalid', 'timestamp'],
  ],
  [
    'a leap second',
    PAGEVIEW,
    { ...visit, timestamp: '2016-12-31T23:59:60Z' },
    [400, 'field_invalid', 'timestamp'],
  ],
  [
    'a timestamp of 1970',
    PAGEVIEW,
    { ...visit, timestamp: '1970-01-01T00:00:00Z' },
    [400, 'timestamp_outside_policy', 'timestamp'],
  ],
  [
    'a timestamp of the year 9999',
    PAGEVIEW,
    { ...visit, timestamp: '9999-12-31T23:59:59Z' },
    [400, 'timestamp_outside_policy', 'timestamp'],
  ],
  ['no visitor_ip', PAGEVIEW, { ...visit, visitor_ip: undefined }, [400, 'field_required', 'visitor_ip']],
  [
    'a visitor_ip with a port',
    PAGEVIEW,
    { ...visit, visitor_ip: '192.0.2.1:80' },
    [400, 'field_invalid', 'visitor_ip'],
  ],
  [
    'a visitor_ip with leading zeros',
    PAGEVIEW,
    { ...visit, visitor_ip: '192.0.02.1' },
    [400, 'field_invalid', 'visitor_ip'],
  ],
  [
    'a host name as visitor_ip',
    PAGEVIEW,
    { ...visit, visitor_ip: 'localhost' },
    [400, 'field_invalid', 'visitor_ip'],
  ],
  ['no user agent', PAGEVIEW, { ...visit, user_agent: undefined }, [400, 'field_required', 'user_agent']],
  ['a blank user agent', PAGEVIEW, { ...visit, user_agent: ' ' }, [400, 'field_required', 'user_agent']],
  [
    'a user agent with a NUL',
    PAGEVIEW,
    { ...visit, user_agent: 'a\0b' },
    [400, 'text_unstorable', 'user_agent'],
  ],
  [
    'half a surrogate pair',
    PAGEVIEW,
    `${JSON.stringify(visit).slice(0, -1)},"referrer":"\\ud800"}`,
    [400, 'text_unstorable', 'referrer'],
  ],
  ['a referrer that is a list', PAGEVIEW, { ...visit, referrer: [] }, [400, 'field_type', 'referrer']],
  [
    'a width with a fraction',
    PAGEVIEW,
    { ...visit, viewport_width: 1.5 },
    [400, 'field_type', 'viewport_width'],
  ],
  ['a width as text', PAGEVIEW, { ...visit, viewport_width: '800' }, [400, 'field_type', 'viewport_width']],
  [
    'a width beyond 32 bits',
    PAGEVIEW,
    { ...visit, viewport_width: 2_147_483_648 },
    [400, 'field_out_of_range', 'viewport_width'],
  ],
  [
    'a height beyond any number',
    PAGEVIEW,
    `${JSON.stringify(visit).slice(0, -1)},"screen_height":1e999}`,
    [400, 'field_out_of_range', 'screen_height'],
  ],
  ['dnt as text', PAGEVIEW, { ...visit, dnt: 'yes' }, [400, 'field_type', 'dnt']],
  [
    'a session id that is no UUID',
    PAGEVIEW,
    { ...visit, session_id: 'abc' },
    [400, 'field_invalid', 'session_id'],
  ],
  ['an empty page id', PAGEVIEW, { ...visit, page_id: '' }, [400, 'field_invalid', 'page_id']],
  ['an id that is no UUID', PAGEVIEW, { ...visit, id: '17' }, [400, 'field_invalid', 'id']],
  ['an id that is no text', PAGEVIEW, { ...visit, id: 17 }, [400, 'field_type', 'id']],
  [
    'an unknown host',
    PAGEVIEW,
    { ...visit, url: 'https://nobody.example.net/' },
    [404, 'site_not_found', 'url'],
  ],
  [
    'a subdomain of a site',
    PAGEVIEW,
    { ...visit, url: 'https://docs.example.com/' },
    [404, 'site_not_found', 'url'],
  ],
  [
    "another client's site",
    PAGEVIEW,
    { ...visit, url: 'https://viewer.example.com/' },
    [403, 'forbidden', null],
  ],
  ['an event without a name', EVENT, { ...event, name: undefined }, [400, 'field_required', 'name']],
  ['an event with a blank name', EVENT, { ...event, name: ' ' }, [400, 'field_required', 'name']],
  ['an event whose name is a number', EVENT, { ...event, name: 3 }, [400, 'field_type', 'name']],
  [
    'an event for an unknown host, before its name is looked at',
    EVENT,
    { ...event, url: 'https://x.invalid/', name: '' },
    [404, 'site_not_found', 'url'],
  ],
  ['properties that are a list', EVENT, { ...event, properties: [1] }, [400, 'field_type', 'properties']],
  [
    'a NUL in a property',
    EVENT,
    { ...event, properties: { a: { b: ['\0'] } } },
    [400, 'text_unstorable', 'properties'],
  ],
  [
    'a NUL in the name of a property',
    EVENT,
    { ...event, properties: { 'a\0': 1 } },
    [400, 'text_unstorable', 'properties'],
  ],
  [
    'a property beyond any number',
    EVENT,
    `${JSON.stringify(event).slice(0, -1)},"properties":{"n":1e400}}`,
    [400, 'field_out_of_range', 'properties'],
  ],
  [
    'properties nested 10 000 deep',
    EVENT,
    `${JSON.stringify(event).slice(0, -1)},"properties":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`,
    [400, 'field_invalid', 'properties'],
  ],
  [
    'a fetch without a status',
    AI_FETCH,
    { ...fetched, status_code: undefined },
    [400, 'field_required', 'status_code'],
  ],
  [
    'a fetch with status 600',
    AI_FETCH,
    { ...fetched, status_code: 600 },
    [400, 'field_out_of_range', 'status_code'],
  ],
  [
    'a fetch with a status as text',
    AI_FETCH,
    { ...fetched, status_code: '200' },
    [400, 'field_type', 'status_code'],
  ],
  [
    'a fetch by a browser',
    AI_FETCH,
    { ...fetched, user_agent: 'Firefox' },
    [400, 'crawler_unknown', 'user_agent'],
  ],
  [
    'a fetch without a user agent',
    AI_FETCH,
    { ...fetched, user_agent: undefined },
    [400, 'crawler_unknown', 'user_agent'],
  ],
  ['a fetch without a path', AI_FETCH, { ...fetched, path: ' ' }, [400, 'field_required', 'path']],
  [
    'a fetch with a bad absolute path',
    AI_FETCH,
    { ...fetched, path: 'https://a:b/' },
    [400, 'field_invalid', 'path'],
  ],
  [
    'a response time beyond 32 bits',
    AI_FETCH,
    { ...fetched, response_ms: 3e9 },
    [400, 'field_out_of_range', 'response_ms'],
  ],
  [
    'more bytes than can be counted',
    AI_FETCH,
    { ...fetched, bytes_served: 2 ** 60 },
    [400, 'field_out_of_range', 'bytes_served'],
  ],
  ['a method with a space', AI_FETCH, { ...fetched, method: 'GET /' }, [400, 'field_invalid', 'method']],
  [
    'a fetch from no address',
    AI_FETCH,
    { ...fetched, visitor_ip: 'x' },
    [400, 'field_invalid', 'visitor_ip'],
  ],
  [
    'a fetch of tomorrow',
    AI_FETCH,
    { ...fetched, timestamp: '2999-01-01T00:00:00Z' },
    [400, 'timestamp_outside_policy', 'timestamp'],
  ],
];

async function send(
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = { authorization: `Bearer ${site.token}` },
): Promise<{ status: number; problem: Record<string, unknown>; headers: Headers }> {
  const url = path === AI_FETCH ? `/api/sites/${site.siteId}/ingest/ai-fetch` : path;
  const raw = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const answer = await fetch(gateway.base + url, { method: 'POST', body: raw as string, headers });
  const text = await answer.text();
  return {
    status: answer.status,
    problem: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    headers: answer.headers,
  };
}

async function countRows(): Promise<number> {
  const [row] = await database.sql<{ n: number }[]>`
    SELECT ((SELECT count(*) FROM hits) + (SELECT count(*) FROM events) + (SELECT count(*) FROM ai_fetches)
          + (SELECT count(*) FROM quarantine))::int AS n`;
  return row?.n ?? -1;
}

describe('a malformed record', () => {
  it.each(cases)(
    'is answered with its code, naming the field: %s',
    async (_name, path, body, [status, code, field]) => {
      const answer = await send(path, body);
      expect({
        status: answer.status,
        code: answer.problem['code'],
        field: answer.problem['field'] ?? null,
      }).toEqual({
        status,
        code,
        field,
      });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.problem).toMatchObject({
        status,
        type: `/docs/errors#${code}`,
        title: expect.any(String),
      });
      expect(String(answer.problem['detail']).length).toBeGreaterThan(10);
    },
  );

  it('leaves no row, and a gateway that goes on', async () => {
    expect(cases.length).toBeGreaterThanOrEqual(40);
    expect(
      (await send(PAGEVIEW, visit, { authorization: `Bearer ${site.token}`, prefer: 'durability=postgres' }))
        .status,
    ).toBe(202);
    expect(await countRows()).toBe(1);
  });
});

describe('a request that is refused for its frame', () => {
  const good = (): string => JSON.stringify(visit);

  it.each([
    ['no token', {}, 401, 'unauthorized'],
    ['an empty token', { authorization: 'Bearer ' }, 401, 'unauthorized'],
    ['another scheme', { authorization: 'Basic dXNlcjpwYXNz' }, 401, 'unauthorized'],
    ['an unknown token', { authorization: `Bearer ${'ab'.repeat(32)}` }, 401, 'unauthorized'],
    ['a token with a wrong checksum', { authorization: `Bearer slc_${'0'.repeat(49)}` }, 401, 'unauthorized'],
    ['an endless token', { authorization: `Bearer ${'a'.repeat(2000)}` }, 401, 'unauthorized'],
    ['an unknown key', { 'x-api-key': 'nobody' }, 401, 'unauthorized'],
  ])('%s', async (_name, headers, status, code) => {
    const answer = await send(PAGEVIEW, good(), headers);
    expect({ status: answer.status, code: answer.problem['code'] }).toEqual({ status, code });
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('is 413 for a body beyond 64 KiB, however long it says it is, and 401 comes first', async () => {
    const large = { ...visit, referrer: 'x'.repeat(65_536) };
    expect(await send(PAGEVIEW, large)).toMatchObject({ status: 413, problem: { code: 'body_too_large' } });
    expect(await send(PAGEVIEW, large, {})).toMatchObject({ status: 401 });
    const chunked = await fetch(gateway.base + PAGEVIEW, {
      method: 'POST',
      headers: { authorization: `Bearer ${site.token}` },
      body: new Blob(['x'.repeat(9_000_000)]).stream(),
      duplex: 'half',
    });
    expect(chunked.status).toBe(413);
  });

  it('is 415 for an unknown encoding, 400 for a false one and for a strange Idempotency-Key', async () => {
    const authorization = `Bearer ${site.token}`;
    expect(await send(PAGEVIEW, good(), { authorization, 'content-encoding': 'compress' })).toMatchObject({
      status: 415,
    });
    expect(await send(PAGEVIEW, good(), { authorization, 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      problem: { code: 'content_encoding_malformed' },
    });
    expect(await send(PAGEVIEW, good(), { authorization, 'idempotency-key': 'a b' })).toMatchObject({
      status: 400,
      problem: { code: 'header_invalid', field: 'Idempotency-Key' },
    });
  });

  it('is 403 for a role that may not write, 400 for a site id that is none', async () => {
    const authorization = `Bearer ${viewer.token}`;
    expect(
      await send(`/api/sites/${viewer.siteId}/ingest/ai-fetch`, fetched, { authorization }),
    ).toMatchObject({ status: 403 });
    expect(await send(`/api/sites/${site.siteId}/ingest/ai-fetch`, fetched, { authorization })).toMatchObject(
      { status: 403 },
    );
    expect(await send('/api/sites/17/ingest/ai-fetch', fetched)).toMatchObject({
      status: 400,
      problem: { code: 'site_id_invalid' },
    });
  });

  it('is 404 for an unknown path and 405, with Allow, for a wrong method', async () => {
    expect(await send('/api/ingest/server/pageviews', visit)).toMatchObject({
      status: 404,
      problem: { code: 'path_unknown' },
    });
    expect(await send(`${PAGEVIEW}/`, visit)).toMatchObject({ status: 404 });
    const answer = await fetch(gateway.base + PAGEVIEW);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
  });

  it('leaves no row and no token in anything that the gateway printed', async () => {
    expect(await countRows()).toBe(1);
    const printed = gateway.output();
    expect(printed).toContain('listening');
    for (const secret of [site.token, viewer.token]) expect(printed).not.toContain(secret.slice(4));
  });
});
