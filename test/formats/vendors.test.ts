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
  return [...lines].map(({ row }) => {
    if (isUnread(row)) throw new Error(row.unread);
    return row;
  });
}

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

describe.each([
  ['fastly.ndjson', readNamedRows, 'fastly-01', {}],
  ['netlify.ndjson', readNetlify, '01NETLIFY01', {}],
  ['akamai.ndjson', readAkamai, '1239f2201', {}],
])('%s', (name, reader, requestId, unlike) => {
  it('is five rows, the first as it was, the rest in order', () => {
    const rows = read(reader(sample(name)));
    expect(rows[0]).toEqual({ ...first, requestId, ...unlike });
    expect(rows.map((row) => row.path)).toEqual(PATHS);
    expect(rows.map((row) => row.statusCode)).toEqual([200, 404, 206, 0, 200]);
    expect(rows.map((row) => row.referrer)).toEqual([
      null,
      'https://www.example.com/',
      null,
      null,
      'https://chatgpt.com/',
    ]);
  });
});

describe('vercel.json', () => {
  it('is five requests, one of them in two lines; what a build prints is none', () => {
    const rows = read(readVercel(sample('vercel.json')));
    const unknown = { contentType: null, bytesServed: null, responseMs: null };
    expect(rows[0]).toEqual({ ...first, requestId: 'iad1::01', ...unknown });
    expect(rows).toHaveLength(6);
    expect(rows[3]).toEqual(rows[2]);
    expect([...new Set(rows.map((row) => row.path))]).toEqual(PATHS);
    expect(rows.map((row) => row.statusCode)).toEqual([200, 404, 206, 206, 0, 200]);
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
              if (isUnread(row)) continue;
              expect(Number.isFinite(row.timestampMs)).toBe(true);
              expect(row.path).not.toBe('');
            }
          }
        }
      }),
    );
  });
});
