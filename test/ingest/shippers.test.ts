import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const REAL_TIME =
  'timestamp,c-ip,time-to-first-byte,sc-status,sc-bytes,cs-method,cs-host,cs-uri-stem,x-edge-location,x-edge-request-id,time-taken,cs-user-agent,cs-referer,cs-uri-query,sc-content-type,c-country';

let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});
beforeEach(async () => {
  // Rows are known by site and request id: each test has a site of its own.
  site = await createDemoSite(instance.sql, `${randomUUID()}.example.com`);
});

const sample = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../formats/samples', name));

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function deliver(
  path: string,
  body: Buffer | string,
  headers: Readonly<Record<string, string>> = { Authorization: `Bearer ${site.token}` },
): Promise<Answer> {
  const answer = await fetch(`${instance.base}/api/sites/${site.siteId}/ingest/${path}`, {
    method: 'POST',
    headers: { Prefer: 'durability=postgres', ...headers },
    body,
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: JSON.parse(text) as Record<string, unknown>,
  };
}

const fetches = () =>
  instance.sql<
    Record<string, unknown>[]
  >`SELECT * FROM ai_fetches WHERE site_id = ${site.siteId} ORDER BY timestamp`;
const hits = () =>
  instance.sql<
    Record<string, unknown>[]
  >`SELECT * FROM hits WHERE site_id = ${site.siteId} ORDER BY timestamp`;
const unread = () =>
  instance.sql<
    Record<string, unknown>[]
  >`SELECT * FROM unread_lines WHERE site_id = ${site.siteId} ORDER BY line`;

it('a log names its site by id or by domain; what is neither, or unknown, is told', async () => {
  const send = async (name: string, format: string): Promise<unknown[]> => {
    const answer = await fetch(`${instance.base}/api/sites/${name}/ingest/${format}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${site.token}`, 'X-Amz-Firehose-Request-Id': 'x' },
      body: format === 'firehose' ? sample('firehose-v2-json.json') : sample('cloudfront-v1.log'),
    });
    const { code } = (await answer.json()) as { code?: string };
    return [answer.status, code];
  };
  for (const name of [site.siteId.toUpperCase(), site.domain, `WWW.${site.domain}`]) {
    expect(await send(name, 'cloudfront')).toEqual([202, undefined]);
    expect(await send(name, 'firehose')).toEqual([200, undefined]);
  }
  const other = await createDemoSite(instance.sql, `other.${site.domain}`);
  expect(await send(other.domain, 'cloudfront')).toEqual([403, 'forbidden']);
  expect(await send(`no.${site.domain}`, 'cloudfront')).toEqual([404, 'site_not_found']);
  expect(await send('no%2fsite', 'cloudfront')).toEqual([400, 'site_id_invalid']);
});

describe.each([
  ['cloudfront-v1.log', 'cloudfront'],
  ['E2EXAMPLE123.2026-10-12-12.a1b2c3d4.gz', 'cloudfront'],
  ['cloudfront-v2.ndjson', 'cloudfront'],
  ['cloudfront-v2-w3c.log', 'cloudfront'],
  ['cloudfront-realtime.tsv', `cloudfront?fields=${encodeURIComponent(REAL_TIME)}`],
])('the file %s', (name, path) => {
  it('is three AI fetches, one line without a status, and one of a person', async () => {
    const answer = await deliver(path, sample(name));
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      received: 5,
      accepted: 3,
      ai_fetches: 3,
      pageviews: 0,
      duplicate: 0,
      quarantined: 0,
      skipped: { no_status: 1, not_ai: 1 },
      rejected: 0,
      durability: 'postgres',
      errors: [],
      errors_omitted: 0,
    });
    const rows = await fetches();
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      timestamp: new Date(
        name.includes('v1') || name.endsWith('.gz') ? '2026-10-12T12:00:05Z' : '2026-10-12T12:00:05.123Z',
      ),
      client_id: site.clientId,
      assistant_name: 'GPTBot',
      path: '/guides/ai-visibility/',
      hostname: 'www.example.com',
      status_code: 200,
      content_type: 'text/html; charset=utf-8',
      resource_type: 'html',
      response_ms: 143,
      bytes_served: '48231',
      method: 'GET',
    });
    // Sent again, it is there already.
    expect((await deliver(path, sample(name))).body).toMatchObject({ accepted: 3, duplicate: 3 });
    expect(await fetches()).toHaveLength(3);
  });

  it('with pageviews is one more, with its time and what follows from its url', async () => {
    const joint = path.includes('?') ? '&' : '?';
    const answer = await deliver(`${path}${joint}pageviews=1`, sample(name));
    expect(answer.body).toMatchObject({
      accepted: 4,
      ai_fetches: 3,
      pageviews: 1,
      skipped: { no_status: 1 },
    });
    const rows = await hits();
    expect(rows).toMatchObject([
      { hostname: 'example.com', path: '/blog/a%20b?q=%C3%A9t%C3%A9&x=1', referrer: 'https://chatgpt.com/' },
    ]);
  });
});

describe('a line that cannot be kept as a record', () => {
  it('is kept with the reason, once a day, and the rest is taken', async () => {
    const [version = '', fields = '', row = ''] = sample('cloudfront-v1.log').toString('utf8').split('\n');
    const ancient = row.replace('2026-10-12', '1970-01-01');
    const text = [version, fields, row, 'garbage \0 \u{1f600}', ancient].join('\n');
    for (const duplicate of [0, 3]) {
      const answer = await deliver('cloudfront', gzipSync(text));
      expect(answer.body).toMatchObject({
        received: 3,
        accepted: 1,
        ai_fetches: 1,
        quarantined: 2,
        rejected: 0,
        duplicate,
      });
    }
    const lines = await unread();
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ format: 'cloudfront', reason: expect.stringContaining('timestamp') });
    expect(lines[1]).toMatchObject({
      reason: expect.stringContaining('columns'),
      line: 'garbage \u{fffd} \u{1f600}',
    });
  });
});

describe('an access log', () => {
  it('in several formats at once is AI fetches and pageviews, of the host that is told where none is named', async () => {
    const at = '12/Oct/2026:14:00:05 +0200';
    const lines = [
      `203.0.113.10 - - [${at}] "GET /robots.txt HTTP/1.1" 200 2326 "-" "GPTBot/1.2"`,
      `203.0.113.11 - - [${at}] "GET /page HTTP/1.1" 200 2326 "-" "Mozilla/5.0 Firefox"`,
      `203.0.113.11 - - [${at}] "GET /style.css HTTP/1.1" 200 2326 "-" "Mozilla/5.0 Firefox"`,
      JSON.stringify({
        ts: 1_791_806_405.5,
        request: {
          method: 'GET',
          host: 'a.example',
          uri: '/x',
          remote_ip: '1.2.3.4',
          headers: { 'User-Agent': ['ClaudeBot/1.0'] },
        },
        status: 200,
        size: 1,
        duration: 0.1,
      }),
      'garbage',
    ];
    const path = 'access-log?pageviews=1&hostname=www.example.com';
    for (const duplicate of [0, 4]) {
      const answer = await deliver(path, gzipSync(lines.join('\n')));
      expect(answer.body).toMatchObject({
        received: 5,
        ai_fetches: 2,
        pageviews: 1,
        skipped: { not_a_page: 1 },
        quarantined: 1,
        duplicate,
      });
    }
    expect(await fetches()).toMatchObject([
      { hostname: 'www.example.com', path: '/robots.txt' },
      { hostname: 'a.example' },
    ]);
    expect(await hits()).toMatchObject([{ hostname: 'example.com', path: '/page' }]);
  });
});

describe('Cloudflare', () => {
  it('gets a 2xx for the test message of a new job, and its rows are known by their RayID', async () => {
    const test = await deliver('cloudflare', gzipSync('{"content":"tests"}'), {
      Authorization: `Bearer ${site.token}`,
      'Content-Encoding': 'gzip',
    });
    expect(test.status).toBe(202);
    expect(test.body).toMatchObject({ received: 1, skipped: { not_a_request: 1 }, quarantined: 0 });
    const row = {
      EdgeStartTimestamp: '2026-10-12T12:00:05Z',
      ClientRequestURI: '/',
      EdgeResponseStatus: 200,
      ClientRequestUserAgent: 'GPTBot/1.2',
      RayID: '8a1b',
    };
    await deliver('cloudflare', JSON.stringify(row));
    // Another field was added to the job meanwhile: the request is still the same.
    expect(
      (await deliver('cloudflare', JSON.stringify({ ...row, ClientIP: '192.0.2.1' }))).body,
    ).toMatchObject({ accepted: 1, duplicate: 1 });
    expect(await fetches()).toHaveLength(1);
  });
});

describe('Firehose', () => {
  const withKey = (more: Record<string, string> = {}): Record<string, string> => ({
    'X-Amz-Firehose-Access-Key': site.token,
    'X-Amz-Firehose-Request-Id': 'ed4acda5-034f-9f42-bba1-f29aea6d7d8f',
    'X-Amz-Firehose-Protocol-Version': '1.0',
    'Content-Type': 'application/json',
    ...more,
  });

  it('is answered as it wants, and a delivery that it repeats is stored once', async () => {
    const before = Date.now();
    for (let again = 0; again < 2; again++) {
      const answer = await deliver('firehose', sample('firehose-v2-json.json'), withKey());
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(answer.headers.get('content-length')).toMatch(/^\d+$/);
      expect(answer.headers.get('content-encoding')).toBeNull();
      expect(answer.body).toEqual({
        requestId: 'ed4acda5-034f-9f42-bba1-f29aea6d7d8f',
        timestamp: expect.any(Number),
      });
      expect(answer.body['timestamp']).toBeGreaterThanOrEqual(before);
    }
    expect(await fetches()).toHaveLength(3);
  });

  it('carries real-time logs, gzipped, with their fields among its attributes or in the path', async () => {
    const attributes = JSON.stringify({ commonAttributes: { fields: REAL_TIME, pageviews: '1' } });
    const answer = await deliver(
      'firehose',
      gzipSync(sample('firehose-realtime.json')),
      withKey({ 'Content-Encoding': 'gzip', 'X-Amz-Firehose-Common-Attributes': attributes }),
    );
    expect(answer.status).toBe(200);
    expect([(await fetches()).length, (await hits()).length]).toEqual([3, 1]);
  });

  it.each([
    ['without a key', {}, '{}', 401],
    ['with a bad key', { 'X-Amz-Firehose-Access-Key': 'no token' }, '{}', 401],
    ['that is no envelope', null, '{"records":[]}', 400],
    ['that is not JSON', null, 'x', 400],
    ['that is falsely encoded', { 'Content-Encoding': 'gzip' }, 'x', 400],
  ] as const)('%s is refused in its own form, so that it tries again', async (_, headers, body, status) => {
    const given = headers === null || 'Content-Encoding' in headers ? withKey(headers ?? {}) : headers;
    const answer = await deliver('firehose', body, given);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      requestId: expect.any(String),
      timestamp: expect.any(Number),
      errorMessage: expect.stringMatching(/\w/),
    });
    expect(JSON.stringify(answer.body)).not.toContain(site.token);
  });

  it('is never answered with 413, which it would take for final', async () => {
    const bomb = gzipSync(Buffer.alloc(70 * 1024 * 1024, ' '));
    expect((await deliver('firehose', bomb, withKey({ 'Content-Encoding': 'gzip' }))).status).toBe(400);
  });

  it('with a record that cannot be opened keeps it aside', async () => {
    const envelope = JSON.parse(sample('firehose-v2-json.json').toString('utf8')) as { records: object[] };
    envelope.records.push({ data: Buffer.from([0x1f, 0x8b, 1]).toString('base64') }, { data: '' });
    const answer = await deliver('firehose', JSON.stringify(envelope), withKey());
    expect(answer.status).toBe(200);
    expect(await fetches()).toHaveLength(3);
    expect(await unread()).toMatchObject([{ line: 'H4sB', reason: 'the record cannot be opened' }]);
  });
});

describe('a hostile line', () => {
  const GOOD = '203.0.113.10 - - [12/Oct/2026:14:00:05 +0200] "GET /good HTTP/1.1" 200 2326 "-" "GPTBot/1.2"';
  const nested = `{"timestamp":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  const keys = `{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":1`).join(',')}}`;

  it.each([
    ['of ten million characters', randomBytes(7_500_000).toString('base64')],
    ['of ten million characters in JSON', `{"path":"${randomBytes(7_500_000).toString('base64')}"}`],
    ['nested 10,000 deep', nested],
    ['with 100,000 keys', keys],
    ['with keys of a prototype', '{"__proto__":{"timestamp":"2026-10-12T12:00:05Z"},"constructor":{}}'],
    [
      'with a NUL',
      '{"timestamp":"2026-10-12T12:00:05Z","path":"/\\u0000","status_code":200,"user_agent":"GPTBot"}',
    ],
    [
      'with half a character',
      '{"timestamp":"2026-10-12T12:00:05Z","path":"/\\ud83d","status_code":200,"user_agent":"GPTBot"}',
    ],
  ])('%s costs only itself: it is kept aside, or refused and said so', async (_, line) => {
    const answer = await deliver('access-log', gzipSync(`${line}\n${GOOD}\n`));
    expect(answer.status).toBe(202);
    const { quarantined, rejected } = answer.body as { quarantined: number; rejected: number };
    expect(answer.body).toMatchObject({ received: 2, ai_fetches: 1 });
    expect(quarantined + rejected).toBe(1);
    expect(await fetches()).toMatchObject([{ path: '/good' }]);
    expect(await unread()).toHaveLength(quarantined);
  });

  it.each([
    ['cloudfront', { 'timestamp(ms)': 1, 'cs-uri-stem': '/', 'sc-status': '200', 'x-any': { toString: 1 } }],
    ['fastly', { timestamp: 1e300, path: '/', status_code: 200, user_agent: 'GPTBot/1.2' }],
    ['access-log', { ts: 1e300, request: { uri: '/' }, status: 200 }],
  ])('of %s with a value that cannot be printed costs only itself', async (format, line) => {
    const answer = await deliver(format, JSON.stringify(line));
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ received: 1, rejected: 0 });
  });

  it('of bytes that are no UTF-8 is kept with what can be read of it', async () => {
    const broken = Buffer.concat([
      Buffer.from(GOOD.replace('/good', '/x')).subarray(0, -2),
      Buffer.from([0xf0, 0x9f]),
      Buffer.from('"\n'),
    ]);
    const answer = await deliver('access-log', broken);
    expect(answer.body).toMatchObject({ received: 1, ai_fetches: 1 });
    expect((await fetches())[0]?.['user_agent']).toMatch(/^GPTBot\/1\.\ufffd+$/);
  });
});
