import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crawlers } from '../../src/crawlers/crawlers.ts';
import { encodeAiFetch, readAiFetch } from '../../src/records/ai-fetch.ts';
import { isFault, type Payload } from '../../src/records/payload.ts';
import type { Decoded } from './decode.ts';
import {
  address,
  CLIENT,
  context,
  encodeRow,
  escapeJson,
  faultOf,
  type Fields,
  filledText,
  GPTBOT,
  ID_V7,
  ID_V8,
  instant,
  int4,
  NOW_MS,
  parseBody,
  payloadOf,
  SESSION,
  SITE,
  storableText,
} from './samples.ts';

const sample: Fields = { path: '/pricing', status_code: 200, user_agent: GPTBOT };

function rowOf(payload: Payload, idempotencyKey = ''): Decoded['row'] {
  const fetch = readAiFetch(payload, { ...context, idempotencyKey });
  if (isFault(fetch)) throw new Error(fetch.detail);
  return encodeRow(fetch, encodeAiFetch).row;
}

const rowWith = (fields: Fields): Decoded['row'] => rowOf(payloadOf({ ...sample, ...fields }));
const faultWith = (fields: Fields): string | null =>
  faultOf(readAiFetch(payloadOf({ ...sample, ...fields }), context));

describe('an AI fetch', () => {
  it('with only what is required happened now, and has nulls for the rest', () => {
    expect(rowOf(payloadOf(sample))).toEqual({
      site_id: SITE,
      timestamp: BigInt(NOW_MS) * 1000n,
      id: expect.stringMatching(ID_V7) as string,
      client_id: CLIENT,
      received_at: BigInt(NOW_MS) * 1000n,
      assistant_name: 'GPTBot',
      assistant_family: 'OpenAI',
      assistant_category: 'ai_training_crawler',
      path: '/pricing',
      hostname: null,
      status_code: 200,
      content_type: null,
      resource_type: 'html',
      response_ms: null,
      bytes_served: null,
      user_agent: GPTBOT,
      method: null,
      referrer: null,
      country_code: null,
      verified: null,
    });
  });

  it.each([
    [{ path: ' /a/../b?c#d ' }, '/a/../b?c#d', null],
    [{ path: 'a' }, '/a', null],
    [{ path: 'ftp://example.com/a' }, '/ftp://example.com/a', null],
    [{ path: 'https://www.Example.com:8080/a?b#c' }, '/a?b', 'www.example.com'],
    [{ path: 'HTTP://example.com' }, '/', 'example.com'],
    [{ path: 'https://example.com?a' }, '/?a', 'example.com'],
    [{ path: 'https://example.com/a', hostname: ' WWW.Other.Example ' }, '/a', 'www.other.example'],
    [{ path: 'https://example.com/a', hostname: ' ' }, '/a', 'example.com'],
    [{ path: '/a', hostname: 'www.example.com' }, '/a', 'www.example.com'],
    [{ path: '/a', hostname: '' }, '/a', null],
    [{ path: '/a', hostname: null }, '/a', null],
  ])('of %j has the path %s and the hostname %s', (fields, path, hostname) => {
    expect(rowWith(fields)).toMatchObject({ path, hostname });
  });

  it.each([
    ['content_type', ' text/css; charset=utf-8 ', 'text/css; charset=utf-8'],
    ['content_type', '', null],
    ['content_type', ' ', null],
    ['response_ms', 0, null],
    ['response_ms', -5, null],
    ['response_ms', 2_147_483_647, 2_147_483_647],
    ['bytes_served', 0, null],
    ['bytes_served', -5, null],
    ['bytes_served', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['method', ' get ', 'GET'],
    ['method', 'm-search', 'M-SEARCH'],
    ['method', "!#$%&'*+.^_`|~09", "!#$%&'*+.^_`|~09"],
    ['method', 'X'.repeat(32), 'X'.repeat(32)],
    ['method', ' ', null],
    ['method', null, null],
    ['referrer', ' https://example.com/ ', ' https://example.com/ '],
    ['status_code', 100, 100],
    ['status_code', 599, 599],
    ['user_agent', ' ClaudeBot ', ' ClaudeBot '],
  ])('with %s %j keeps %j', (field, value, expected) => {
    expect(rowWith({ [field]: value })[field]).toBe(expected);
  });

  it('has a resource type from its content type', () => {
    expect(rowWith({ content_type: 'image/png' })['resource_type']).toBe('image');
    expect(rowWith({ content_type: 'application/json' })['resource_type']).toBe('other');
  });

  it('has the country of the address, where one is given', () => {
    expect(rowWith({ visitor_ip: ' 203.0.113.9 ' })['country_code']).toBe('AU');
    expect(rowWith({ visitor_ip: '198.51.100.1' })['country_code']).toBeNull();
    expect(
      JSON.stringify(readAiFetch(payloadOf({ ...sample, visitor_ip: '203.0.113.9' }), context)),
    ).not.toContain('203.0.113.9');
  });

  it('has ids by the same rules as a pageview', () => {
    expect(rowOf(payloadOf({ ...sample, id: SESSION }), 'key')['id']).toBe(SESSION);
    expect(rowOf(payloadOf(sample), 'key')['id']).toMatch(ID_V8);
  });

  it.each([
    [{ status_code: undefined }, 'field_required status_code'],
    [{ status_code: null }, 'field_required status_code'],
    [{ status_code: '200' }, 'field_type status_code'],
    [{ status_code: 200.5 }, 'field_type status_code'],
    [{ status_code: 99 }, 'field_out_of_range status_code'],
    [{ status_code: 600 }, 'field_out_of_range status_code'],
    [{ status_code: -1e12 }, 'field_out_of_range status_code'],
    [{ user_agent: undefined }, 'crawler_unknown user_agent'],
    [{ user_agent: ' ' }, 'crawler_unknown user_agent'],
    [{ user_agent: 'Firefox' }, 'crawler_unknown user_agent'],
    [{ user_agent: 5 }, 'field_type user_agent'],
    [{ user_agent: 'GPTBot\0' }, 'text_unstorable user_agent'],
    [{ path: undefined }, 'field_required path'],
    [{ path: ' ' }, 'field_required path'],
    [{ path: 5 }, 'field_type path'],
    [{ path: '/\0' }, 'text_unstorable path'],
    [{ path: 'https://' }, 'field_invalid path'],
    [{ path: 'https://example.com/%zz' }, 'field_invalid path'],
    [{ hostname: 5 }, 'field_type hostname'],
    [{ hostname: '\ud800' }, 'text_unstorable hostname'],
    [{ content_type: 5 }, 'field_type content_type'],
    [{ content_type: '\0' }, 'text_unstorable content_type'],
    [{ response_ms: 2_147_483_648 }, 'field_out_of_range response_ms'],
    [{ response_ms: 1.5 }, 'field_type response_ms'],
    [{ bytes_served: 9_007_199_254_740_992 }, 'field_out_of_range bytes_served'],
    [{ bytes_served: '1' }, 'field_type bytes_served'],
    [{ timestamp: 'x' }, 'field_invalid timestamp'],
    [{ timestamp: 5 }, 'field_type timestamp'],
    [{ timestamp: '1999-01-01T00:00:00Z' }, 'timestamp_outside_policy timestamp'],
    [{ id: 'x' }, 'field_invalid id'],
    [{ visitor_ip: 'x' }, 'field_invalid visitor_ip'],
    [{ visitor_ip: 5 }, 'field_type visitor_ip'],
    [{ method: 'GET /' }, 'field_invalid method'],
    [{ method: 'X'.repeat(33) }, 'field_invalid method'],
    [{ method: 'GÉT' }, 'field_invalid method'],
    [{ method: 5 }, 'field_type method'],
    [{ referrer: 5 }, 'field_type referrer'],
    [{ referrer: '\0' }, 'text_unstorable referrer'],
  ])('with %j is refused as %s', (fields, expected) => {
    expect(faultWith(fields)).toBe(expected);
  });

  it('is refused for the first field that is wrong, in the order of the contract', () => {
    const order = [
      'status_code user_agent path hostname content_type response_ms bytes_served timestamp id',
      'visitor_ip method referrer',
    ].flatMap((line) => line.split(' '));
    const wrong = Object.fromEntries(order.map((field) => [field, []]));
    for (const [place, field] of order.entries()) {
      const fixed = Object.fromEntries(order.slice(0, place).map((name) => [name, sample[name]]));
      expect(faultWith({ ...wrong, ...fixed })).toMatch(new RegExp(` ${field}$`));
    }
  });

  it('is refused in the words of the contract', () => {
    const words: readonly (readonly [Fields, string])[] = [
      [{ status_code: 1e10 }, 'status_code must be between 100 and 599'],
      [{ status_code: null }, 'status_code must be between 100 and 599'],
      [{ user_agent: 'x' }, 'user_agent must match a known AI bot'],
      [{ path: '' }, 'path is required'],
    ];
    for (const [fields, text] of words) {
      const result = readAiFetch(payloadOf({ ...sample, ...fields }), context);
      expect(isFault(result) && result.detail.startsWith(text), text).toBe(true);
    }
  });
});

describe('any AI fetch', () => {
  const uuid = fc.uuid({ version: [4, 7] });
  const count = (max: number): fc.Arbitrary<number | null> =>
    fc.option(fc.oneof(fc.integer({ min: 1, max }), int4));

  it('that is accepted becomes a row that says what was sent', () => {
    fc.assert(
      fc.property(
        fc.record({
          path: filledText.filter((text) => !/^\s*https?:/i.test(text)),
          status_code: fc.integer({ min: 100, max: 599 }),
          hostname: fc.option(storableText),
          content_type: fc.option(storableText),
          response_ms: count(2_147_483_647),
          bytes_served: count(Number.MAX_SAFE_INTEGER),
          timestamp: fc.option(instant),
          visitor_ip: fc.option(address),
          method: fc.option(fc.constantFrom('GET', 'post', 'M-Search')),
          referrer: fc.option(storableText),
          id: fc.option(uuid),
        }),
        fc.constantFrom(...crawlers),
        fc.boolean(),
        ({ timestamp, ...fields }, crawler, isEscaped) => {
          const userAgent = `+ ${crawler.name === 'Cohere' || crawler.name === 'DeepSeek' ? crawler.token : crawler.name}/1.0`;
          const body = JSON.stringify({ ...fields, user_agent: userAgent, timestamp: timestamp?.text });
          const row = rowOf(parseBody(isEscaped ? escapeJson(body) : body));
          const positive = (number: number | null): number | null =>
            number !== null && number > 0 ? number : null;
          const path = fields.path.trim();
          expect(row).toEqual({
            site_id: SITE,
            timestamp: BigInt(timestamp?.us ?? NOW_MS * 1000),
            id: fields.id ?? (expect.stringMatching(ID_V7) as string),
            client_id: CLIENT,
            received_at: BigInt(NOW_MS) * 1000n,
            assistant_name: crawler.name,
            assistant_family: crawler.family,
            assistant_category: crawler.category,
            path: path.startsWith('/') ? path : `/${path}`,
            hostname: fields.hostname?.trim().toLowerCase() || null,
            status_code: fields.status_code,
            content_type: fields.content_type?.trim() || null,
            resource_type: expect.stringMatching(/^(html|image|document|other)$/) as string,
            response_ms: positive(fields.response_ms),
            bytes_served: positive(fields.bytes_served),
            user_agent: userAgent,
            method: fields.method?.toUpperCase() ?? null,
            referrer: fields.referrer,
            country_code: fields.visitor_ip?.startsWith('203.0.113.') === true ? 'AU' : null,
            verified: null,
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});
