/**
 * The five requests of the CloudFront samples, as Fastly, Vercel, Netlify and Akamai would log them. The files are
 * written after the vendors' own descriptions of their fields; no real deliveries were at hand.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readNamedRows } from '../../src/formats/access-log.ts';
import { readAkamai } from '../../src/formats/vendors/akamai.ts';
import { isUnread, type LogLine, type LogRow } from '../../src/formats/log-row.ts';
import { readNetlify } from '../../src/formats/vendors/netlify.ts';
import { readVercel } from '../../src/formats/vendors/vercel.ts';

const sample = (name: string): string => readFileSync(join(import.meta.dirname, 'samples', name), 'utf8');

function read(lines: Iterable<LogLine>): LogRow[] {
  return [...lines].flatMap(({ row }) => {
    if (isUnread(row)) throw new Error(row.unread);
    return row ?? [];
  });
}

const countOthers = (lines: Iterable<LogLine>): number => [...lines].filter(({ row }) => row === null).length;

const first: LogRow = {
  requestId: '',
  timestampMs: Date.parse('2026-10-12T12:00:05.123Z'),
  hostname: 'www.example.com',
  path: '/guides/ai-visibility/',
  statusCode: 200,
  method: 'GET',
  userAgent:
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  referrer: null,
  contentType: 'text/html; charset=utf-8',
  bytesServed: 48_231,
  responseMs: 143,
  visitorIp: '203.0.113.10',
};
const PATHS = [
  '/guides/ai-visibility/',
  '/old-page?utm_source=news&next=%2Fa',
  '/files/rapport%20%C3%A9t%C3%A9.pdf',
  '/img/logo.png?v=3',
  '/blog/a%20b?q=%C3%A9t%C3%A9&x=1',
];
const BOT = 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko';
const USER_AGENTS = [
  `${BOT}; compatible; GPTBot/1.2; +https://openai.com/gptbot)`,
  `${BOT}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)`,
  `${BOT}); compatible; ChatGPT-User/1.0; +https://openai.com/bot`,
  `${BOT}; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)`,
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36',
];

describe.each([
  ['fastly.ndjson', readNamedRows, 'fastly-01', 0],
  ['netlify.ndjson', readNetlify, '01NETLIFY01', 1],
  ['akamai.ndjson', readAkamai, '1239f2201', 0],
])('%s', (name, reader, requestId, others) => {
  it('is five rows, the first as it was, the rest in order', () => {
    const rows = read(reader(sample(name)));
    expect(rows[0]).toEqual({ ...first, requestId });
    expect(countOthers(reader(sample(name)))).toBe(others);
    expect(rows.map((row) => row.path)).toEqual(PATHS);
    expect(rows.map((row) => row.statusCode)).toEqual([200, 404, 206, 0, 200]);
    expect(rows.map((row) => row.referrer)).toEqual([
      null,
      'https://www.example.com/',
      null,
      null,
      'https://chatgpt.com/',
    ]);
    expect(rows.map((row) => row.userAgent)).toEqual(USER_AGENTS);
  });
});

describe('what Akamai escapes', () => {
  it.each([
    ['Mozilla%2F5.0+%28X11%29+GPTBot%2F1.2+%2Bhttps', 'Mozilla/5.0 (X11) GPTBot/1.2 +https'],
    ['Mozilla/5.0%20(X11)%20+https', 'Mozilla/5.0 (X11) +https'],
    ['a/1.0 (+https://a.example)', 'a/1.0 (+https://a.example)'],
    ['50%25+more', '50% more'],
  ])('in a header is undone: %s', (text, userAgent) => {
    const line = { reqTimeSec: '1791806405', reqPath: 'a', statusCode: '200', UA: text };
    expect(read(readAkamai(JSON.stringify(line)))[0]?.userAgent).toBe(userAgent);
  });

  it.each(['image/svg+xml', 'image%2Fsvg%2Bxml'])('leaves a type its plus: %s', (text) => {
    const line = { reqTimeSec: '1791806405', reqPath: 'a', statusCode: '200', rspContentType: text };
    expect(read(readAkamai(JSON.stringify(line)))[0]?.contentType).toBe('image/svg+xml');
  });

  it("in path and query is the viewer's, and stays", () => {
    const line = { reqTimeSec: '1', reqPath: '/a%2520b', queryStr: 'c=%22d%22&e+f', statusCode: '200' };
    expect(read(readAkamai(JSON.stringify(line)))[0]?.path).toBe('/a%2520b?c=%22d%22&e+f');
  });
});

describe('vercel.json', () => {
  it('is five requests, one of them in two lines; what a build prints is none', () => {
    const rows = read(readVercel(sample('vercel.json')));
    expect(countOthers(readVercel(sample('vercel.json')))).toBe(1);
    const unknown = { contentType: null, responseMs: null };
    expect(rows[0]).toEqual({ ...first, requestId: 'iad1::01', ...unknown });
    expect(rows).toHaveLength(6);
    expect(rows[1]?.bytesServed).toBe(null);
    expect(rows[3]).toEqual(rows[2]);
    expect([...new Set(rows.map((row) => row.path))]).toEqual(PATHS);
    expect(rows.map((row) => row.statusCode)).toEqual([200, 404, 206, 206, 0, 200]);
    expect([...new Set(rows.map((row) => row.userAgent))]).toEqual(USER_AGENTS);
  });
});

describe('a line that tells of no request', () => {
  it.each([
    [readVercel, '{"source":"lambda","message":"rendered"}'],
    [readNetlify, '{"log_type":"function","message":"rendered"}'],
    [readAkamai, '{"test":true}'],
  ])('is told from one that cannot be read (%#)', (reader, line) => {
    expect([...reader(line)]).toEqual([{ text: line, row: null }]);
  });
});

describe('a line that lacks what is needed', () => {
  it.each([
    [readVercel, '{"proxy":{"path":"/"}}', 'there is no proxy.timestamp'],
    [readVercel, '{"proxy":{"timestamp":1791806405123}}', 'there is no proxy.path'],
    [readNetlify, '{"url":"https://a/"}', 'there is no timestamp'],
    [readNetlify, '{"timestamp":"2026-10-12T12:00:05Z"}', 'there is neither url nor path'],
    [readNetlify, '{"timestamp":"2026-10-12T12:00:05Z","path":"/"}', 'status_code is no status code'],
    [readAkamai, '{"reqPath":"a"}', 'there is no reqTimeSec'],
    [readAkamai, '{"reqTimeSec":"1791806405"}', 'there is no reqPath'],
    [
      readAkamai,
      '{"reqTimeSec":"1791806405","reqPath":"a","statusCode":"-"}',
      'statusCode is no status code',
    ],
    [readNamedRows, 'nonsense', 'the line is no JSON object'],
  ])('is kept aside with the reason (%#)', (reader, line, reason) => {
    expect([...reader(line)]).toEqual([{ text: line, row: { unread: reason } }]);
  });
});

describe('every reader', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('-', '', -1, 0, 1e308, '9'.repeat(400), '%', '%25%', '%zz', 'https://', ['x'], {}),
  );
  const keys = fc.constantFrom(
    ...['proxy', 'timestamp', 'path', 'url', 'userAgent', 'statusCode', 'status_code', 'log_type', 'domain'],
    ...['reqTimeSec', 'reqPath', 'queryStr', 'UA', 'bytes', '__proto__', 'constructor', 'requestId', 'host'],
  );
  it('takes any text and any object without a failure', () => {
    fc.assert(
      fc.property(fc.dictionary(keys, value), fc.dictionary(keys, value), fc.string(), (one, other, text) => {
        const objects = JSON.stringify([{ ...one, proxy: other }, other]);
        for (const reader of [readNamedRows, readVercel, readNetlify, readAkamai]) {
          for (const body of [objects, text, `${objects}\n${text}`]) {
            for (const { row } of reader(body)) {
              if (row === null || isUnread(row)) continue;
              expect(Number.isFinite(row.timestampMs)).toBe(true);
              expect(row.path).not.toBe('');
            }
          }
        }
      }),
    );
  });
});
