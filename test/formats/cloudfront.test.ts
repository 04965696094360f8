/** The same five requests in every form that CloudFront logs them in: read alike. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseName, readCloudfront } from '../../src/formats/vendors/cloudfront.ts';
import { openRecord, readEnvelope } from '../../src/formats/vendors/firehose.ts';
import { decodeText, isUnread, type LogRow } from '../../src/formats/log-row.ts';

const REAL_TIME =
  'timestamp,c-ip,time-to-first-byte,sc-status,sc-bytes,cs-method,cs-host,cs-uri-stem,x-edge-location,x-edge-request-id,time-taken,cs-user-agent,cs-referer,cs-uri-query,sc-content-type,c-country';

const sample = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'samples', name));

function read(text: string, fields = ''): LogRow[] {
  return [...readCloudfront(text, fields)].map(({ row }) => {
    if (row === null || isUnread(row)) throw new Error(row?.unread ?? 'no request');
    return row;
  });
}

function readRecords(name: string, fields = ''): LogRow[] {
  const envelope = readEnvelope(sample(name).toString('utf8'));
  if (typeof envelope === 'string') throw new Error(envelope);
  expect(envelope.requestId).toBe('ed4acda5-034f-9f42-bba1-f29aea6d7d8f');
  return envelope.records.flatMap((data) => read(openRecord(data) ?? '', fields));
}

const forms: readonly (readonly [string, () => LogRow[]])[] = [
  ['cloudfront-v1.log', () => read(sample('cloudfront-v1.log').toString('utf8'))],
  [
    'a gzipped file of v1',
    () => read(gunzipSync(sample('E2EXAMPLE123.2026-10-12-12.a1b2c3d4.gz')).toString('utf8')),
  ],
  ['cloudfront-v2.ndjson', () => read(sample('cloudfront-v2.ndjson').toString('utf8'))],
  ['cloudfront-v2-w3c.log', () => read(sample('cloudfront-v2-w3c.log').toString('utf8'))],
  ['cloudfront-realtime.tsv', () => read(sample('cloudfront-realtime.tsv').toString('utf8'), REAL_TIME)],
  ['firehose-v2-json.json', () => readRecords('firehose-v2-json.json')],
  ['firehose-realtime.json', () => readRecords('firehose-realtime.json', REAL_TIME)],
];

describe.each(forms)('%s', (name, readForm) => {
  const rows = readForm();
  const isWholeSeconds = name.includes('v1');
  const time = (iso: string): number => {
    const ms = Date.parse(iso);
    return isWholeSeconds ? Math.floor(ms / 1000) * 1000 : ms;
  };

  it('has five rows, the first one with all that it says', () => {
    expect(rows).toHaveLength(5);
    expect(rows[0]).toEqual({
      requestId: 'Qm9iRXhhbXBsZTAxLUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==',
      timestampMs: time('2026-10-12T12:00:05.123Z'),
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
    });
  });

  it('has the paths as the viewers sent them, and the rest of the rows', () => {
    expect(
      rows.map((row) => [row.path, row.statusCode, row.bytesServed, row.responseMs, row.contentType]),
    ).toEqual([
      ['/guides/ai-visibility/', 200, 48_231, 143, 'text/html; charset=utf-8'],
      ['/old-page?utm_source=news&next=%2Fa', 404, 902, 34, 'text/html'],
      ['/files/rapport%20%C3%A9t%C3%A9.pdf', 206, 182_044, 1207, 'application/pdf'],
      ['/img/logo.png?v=3', 0, 0, 251, null],
      ['/blog/a%20b?q=%C3%A9t%C3%A9&x=1', 200, 15_110, 58, 'text/html; charset=utf-8'],
    ]);
    expect(rows.map((row) => row.timestampMs)).toEqual(
      ['05.123', '06.404', '07.001', '07.950', '09.777'].map((second) => time(`2026-10-12T12:00:${second}Z`)),
    );
    expect(rows[1]?.referrer).toBe('https://www.example.com/');
    expect(rows[4]?.referrer).toBe('https://chatgpt.com/');
    expect(rows[1]?.visitorIp).toBe('2001:db8:85a3::8a2e:370:7334');
  });
});

describe('a line that cannot be read', () => {
  const header = '#Fields: date time cs-uri-stem sc-status cs(User-Agent)';
  it.each([
    ['a b', '', 'there is no #Fields line'],
    [`${header}\n2026-10-12\t12:00:05\t/`, '', 'the line has 3 columns of 5'],
    [`${header}\n2026-13-45\t12:00:05\t/\t200\tx`, '', 'there is no time'],
    [`${header}\n2026-10-12\t12:00:05\t-\t200\tx`, '', 'there is no cs-uri-stem'],
    [`${header}\n2026-10-12\t12:00:05\t/\tOK\tx`, '', 'sc-status is no status code'],
    ['{"broken":', '', 'the line is not JSON'],
    ['{}', '', 'there is no time'],
    ['{"unread":"a field of that name","timestamp(ms)":"1"}', '', 'there is no cs-uri-stem'],
    ['x\t/', 'timestamp,cs-uri-stem', 'there is no time'],
  ])('%j says why: %s', (text, fields, reason) => {
    const lines = [...readCloudfront(text, fields)];
    expect(lines).toHaveLength(1);
    const row = lines[0]?.row;
    expect(row !== undefined && isUnread(row) ? row.unread : '').toContain(reason);
  });

  it('costs none of its neighbours', () => {
    const text = sample('cloudfront-v1.log').toString('utf8').split('\n');
    text.splice(3, 0, 'garbage', '');
    const rows = [...readCloudfront(text.join('\r\n'), '')].map(({ row }) => isUnread(row));
    expect(rows).toEqual([false, true, false, false, false, false]);
  });
});

describe('what logs differ in', () => {
  it('is tolerated: more columns than fields, objects without a line between them, names in other forms', () => {
    const [first = ''] = sample('cloudfront-v2.ndjson').toString('utf8').split('\n');
    expect(read(`${first}${first}`)).toHaveLength(2);
    const text = sample('cloudfront-v1.log').toString('utf8').replaceAll(/\t-\n/g, '\t-\t\n');
    expect(read(text)).toHaveLength(5);
    expect(['cs(User-Agent)', 'cs-user-agent', 'cs_User_Agent'].map((name) => normaliseName(name))).toEqual(
      Array(3).fill('cs_user_agent'),
    );
    expect(decodeText('a%2520b%2')).toBe('a b%2');
    expect(decodeText('%ff%C3%A9')).toBe('%ff%C3%A9');
  });

  it('is read without a failure, whatever the text', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '#Fields: timestamp(ms) cs-uri-stem sc-status\n',
        '\t',
        '\n',
        '{',
        '}',
        '{}',
        '1731699951183\t/\t200\n',
        '%',
        '%25',
        '-',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.constantFrom('', REAL_TIME, ',,,'), (pieces, fields) => {
        for (const { row } of readCloudfront(pieces.join(''), fields)) expect(typeof row).toBe('object');
      }),
    );
  });
});

describe('an envelope of Firehose', () => {
  it.each([
    ['', 'not JSON'],
    ['[]', 'requestId'],
    ['null', 'no object'],
    ['{"records":[]}', 'requestId'],
    ['{"requestId":"x"}', 'records'],
    ['{"requestId":"x","records":[{}]}', 'base64'],
    ['{"requestId":"x","records":[{"data":"no base64!"}]}', 'base64'],
    ['{"requestId":"x","records":[null]}', 'base64'],
  ])('%j is none', (text, reason) => {
    expect(readEnvelope(text)).toContain(reason);
  });

  it('may hold nothing, control messages, and log events of CloudWatch', () => {
    const pack = (value: object): string => gzipSync(JSON.stringify(value)).toString('base64');
    expect(openRecord('')).toBe('');
    expect(openRecord(pack({ messageType: 'CONTROL_MESSAGE', logEvents: [{ message: 'x' }] }))).toBe('');
    const events = [
      { id: '1', message: 'a' },
      { id: '2', message: 'b' },
    ];
    expect(openRecord(pack({ messageType: 'DATA_MESSAGE', logEvents: events }))).toBe('a\nb');
    expect(openRecord(gzipSync('plain lines').toString('base64'))).toBe('plain lines');
    expect(openRecord(Buffer.from([0x1f, 0x8b, 1, 2]).toString('base64'))).toBeNull();
    expect(openRecord(gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('base64'))).toBeNull();
  });
});
