import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAccessLog } from '../../src/formats/access-log.ts';
import { readCloudflare } from '../../src/formats/vendors/cloudflare.ts';
import { isUnread, type LogLine, type LogRow } from '../../src/formats/log-row.ts';

function read(lines: Iterable<LogLine>): LogRow[] {
  return [...lines].flatMap(({ row }) => {
    if (isUnread(row)) throw new Error(row.unread);
    return row ?? [];
  });
}

const reasons = (lines: Iterable<LogLine>): string[] =>
  [...lines].map(({ row }) => (isUnread(row) ? row.unread : 'read'));

const CADDY = {
  level: 'info',
  ts: 1_791_806_405.1234,
  logger: 'http.log.access.log0',
  msg: 'handled request',
  request: {
    remote_ip: '203.0.113.10',
    remote_port: '40231',
    proto: 'HTTP/2.0',
    method: 'GET',
    host: 'WWW.example.com:8443',
    uri: '/a?b=%20c',
    headers: { 'User-Agent': ['GPTBot/1.2'], Referer: ['https://example.org/'], 'Accept-Encoding': ['gzip'] },
  },
  duration: 0.0434,
  size: 2326,
  status: 200,
  resp_headers: { 'Content-Type': ['text/html; charset=utf-8'] },
};
const NGINX = {
  timestamp: '2026-10-12T14:00:05+02:00',
  id: 'abcdef',
  hostname: 'www.example.com',
  path: '/a?b=%20c',
  method: 'GET',
  status_code: 200,
  bytes_served: 2326,
  response_s: 0.043,
  content_type: 'text/html; charset=utf-8',
  user_agent: 'GPTBot/1.2',
  referrer: 'https://example.org/',
  visitor_ip: '203.0.113.10',
};
const COMBINED =
  '203.0.113.10 - frank [12/Oct/2026:14:00:05 +0200] "GET /a?b=%20c HTTP/1.1" 200 2326 "https://example.org/" "GPTBot/1.2"';

const wanted: LogRow = {
  requestId: null,
  timestampMs: Date.parse('2026-10-12T12:00:05Z'),
  hostname: 'www.example.com',
  path: '/a?b=%20c',
  statusCode: 200,
  method: 'GET',
  userAgent: 'GPTBot/1.2',
  referrer: 'https://example.org/',
  contentType: 'text/html; charset=utf-8',
  bytesServed: 2326,
  responseMs: 43,
  visitorIp: '203.0.113.10',
};

describe('an access log', () => {
  it('of Caddy says all that its JSON has', () => {
    expect(read(readAccessLog(JSON.stringify(CADDY)))).toEqual([
      { ...wanted, timestampMs: 1_791_806_405_123 },
    ]);
    const newer = { ...CADDY, request: { ...CADDY.request, client_ip: '198.51.100.1' } };
    expect(read(readAccessLog(JSON.stringify(newer)))[0]?.visitorIp).toBe('198.51.100.1');
  });

  it('of nginx has the names that the docs give, and its own request id', () => {
    expect(read(readAccessLog(JSON.stringify(NGINX)))).toEqual([{ ...wanted, requestId: 'abcdef' }]);
  });

  it('in the combined format has what that format has, with or without a host before it', () => {
    const plain = { ...wanted, hostname: null, contentType: null, responseMs: null };
    expect(read(readAccessLog(COMBINED))).toEqual([plain]);
    expect(read(readAccessLog(`www.Example.com:443 ${COMBINED}`))).toEqual([
      { ...plain, hostname: 'www.example.com' },
    ]);
    expect(read(readAccessLog('::1 - - [12/Oct/2026:14:00:05 +0200] "GET / HTTP/1.0" 304 -'))).toMatchObject([
      { visitorIp: '::1', path: '/', statusCode: 304, bytesServed: null, userAgent: null, referrer: null },
    ]);
  });

  it('in the combined format may hold quotes and bytes that the server escaped', () => {
    const line = COMBINED.replace('GPTBot/1.2', String.raw`a \"b\" \xC3\xA9 \\ \x22c\x22 [x] \xff`);
    expect(read(readAccessLog(line))[0]?.userAgent).toBe('a "b" é \\ "c" [x] \u{fffd}');
  });

  it('may mix all of them, line by line, and says of each bad line why', () => {
    const text = [
      JSON.stringify(CADDY),
      '',
      COMBINED,
      'garbage',
      '{"broken',
      '{}',
      '{"request":{}}',
      COMBINED.replace('Oct', 'Okt'),
      COMBINED.replace('/a?b=%20c', 'x'),
    ].join('\r\n');
    expect(reasons(readAccessLog(text))).toEqual([
      'read',
      'read',
      'the line is neither JSON nor in the combined format',
      'the line is no JSON object',
      'there is no timestamp',
      'there is no ts',
      'the time is none',
      'the request has no path',
    ]);
  });

  it('is read without a failure and in good time, whatever the text', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '"',
        '\\',
        '\\x',
        '[',
        '] "',
        ' - - [',
        '12/Oct/2026:14:00:05 +0200',
        '{"request":',
        '"GET / HTTP/1.1" 200 1',
        '\n',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const { row } of readAccessLog(pieces.join(''))) expect(typeof row).toBe('object');
      }),
    );
    for (const hostile of [
      '"\\'.repeat(15_000),
      '['.repeat(30_000),
      ' '.repeat(30_000),
      `a - - [${'x'.repeat(30_000)}`,
    ])
      expect(reasons(readAccessLog(`1 ${hostile}`))).toEqual([
        'the line is neither JSON nor in the combined format',
      ]);
  });
});

describe('Logpush of Cloudflare', () => {
  const LOGPUSH = {
    ClientIP: '203.0.113.10',
    ClientRequestHost: 'www.Example.com',
    ClientRequestMethod: 'GET',
    ClientRequestURI: '/a?b=%20c',
    ClientRequestReferer: 'https://example.org/',
    ClientRequestUserAgent: 'GPTBot/1.2',
    EdgeResponseStatus: 200,
    EdgeResponseBytes: 2326,
    EdgeResponseContentType: 'text/html; charset=utf-8',
    EdgeStartTimestamp: '2026-10-12T12:00:05Z',
    EdgeEndTimestamp: '2026-10-12T12:00:05.043Z',
    RayID: '8a1b2c3d4e5f6a7b',
  };
  const row = { ...wanted, requestId: LOGPUSH.RayID };

  it('says the same in each of its forms of time', () => {
    const ms = wanted.timestampMs;
    const times = [
      [LOGPUSH.EdgeStartTimestamp, LOGPUSH.EdgeEndTimestamp],
      [ms / 1000, (ms + 43) / 1000],
      [ms * 1_000_000, (ms + 43) * 1_000_000],
      [String(ms / 1000), null],
    ];
    for (const [start, end] of times) {
      const fields = {
        ...LOGPUSH,
        EdgeStartTimestamp: start,
        EdgeEndTimestamp: end,
        EdgeTimeToFirstByteMs: 43,
      };
      expect(read(readCloudflare(JSON.stringify(fields)))).toEqual([row]);
    }
  });

  it('comes as lines or as an array, and its test message is no request', () => {
    expect(read(readCloudflare(`${JSON.stringify(LOGPUSH)}\n${JSON.stringify(LOGPUSH)}\n`))).toEqual([
      row,
      row,
    ]);
    expect(read(readCloudflare(JSON.stringify([LOGPUSH, LOGPUSH])))).toEqual([row, row]);
    expect(read(readCloudflare('{"content":"tests"}'))).toEqual([]);
  });

  it('says of each bad line why', () => {
    const without = (name: string): string => JSON.stringify({ ...LOGPUSH, [name]: undefined });
    const text = [
      without('EdgeStartTimestamp').replace('EdgeEndTimestamp', 'x'),
      without('ClientRequestURI'),
      without('EdgeResponseStatus'),
      'x',
      '7',
    ].join('\n');
    expect(reasons(readCloudflare(text))).toEqual([
      'there is no EdgeStartTimestamp',
      'there is neither ClientRequestURI nor ClientRequestPath',
      'EdgeResponseStatus is no status code',
      'the line is no JSON object',
      'the line is no JSON object',
    ]);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (any) => {
        for (const line of readCloudflare(any)) expect(typeof line.row).toBe('object');
      }),
    );
  });
});
