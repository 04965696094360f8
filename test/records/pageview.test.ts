import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault, type Payload } from '../../src/records/payload.ts';
import type { ReadContext } from '../../src/records/visit.ts';
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
  ID_V4,
  ID_V7,
  ID_V8,
  instant,
  int4,
  NIL,
  NOW_MS,
  parseBody,
  payloadOf,
  SESSION,
  SITE,
  storableText,
  visit,
} from './samples.ts';

function rowOf(payload: Payload, given: Partial<ReadContext> = {}): Decoded['row'] {
  const pageview = readPageview(payload, { ...context, ...given });
  if (isFault(pageview)) throw new Error(pageview.detail);
  return encodeRow(pageview, encodePageview).row;
}

const faultWith = (fields: Fields): string | null =>
  faultOf(readPageview(payloadOf({ ...visit, ...fields }), context));

describe('a pageview', () => {
  it('with only what is required becomes a row with nulls for the rest', () => {
    expect(rowOf(payloadOf(visit))).toEqual({
      site_id: SITE,
      timestamp: BigInt(NOW_MS - 2000) * 1000n + 123_456n,
      id: expect.stringMatching(ID_V7) as string,
      client_id: CLIENT,
      received_at: BigInt(NOW_MS) * 1000n,
      session_id: expect.stringMatching(ID_V4) as string,
      page_id: expect.stringMatching(ID_V4) as string,
      path: '/pricing?plan=pro',
      hostname: 'example.com',
      referrer: null,
      user_agent: visit['user_agent'],
      viewport_width: null,
      viewport_height: null,
      screen_width: null,
      screen_height: null,
      language: null,
      country_code: 'AU',
      utm_source: null,
      utm_medium: null,
      utm_campaign: null,
      utm_term: null,
      utm_content: null,
      qr_code_id: null,
    });
  });

  it('takes its campaign from the query of its url, and from nowhere else', () => {
    const query = `utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e+f&hk_qr=${SESSION}`;
    const row = rowOf(payloadOf({ ...visit, url: `https://example.com/?${query}`, utm_source: 'top' }));
    expect(row).toMatchObject({
      path: `/?${query}`,
      utm_source: 'a',
      utm_medium: 'b',
      utm_campaign: 'c',
      utm_term: 'd',
      utm_content: 'e f',
      qr_code_id: SESSION,
    });
    expect(rowOf(payloadOf({ ...visit, utm_source: 'top' }))['utm_source']).toBeNull();
  });

  it('passes over a qr code that is no UUID', () => {
    expect(rowOf(payloadOf({ ...visit, url: 'https://example.com/?hk_qr=12' }))['qr_code_id']).toBeNull();
  });

  it('gets a session and a page of its own when it names none', () => {
    for (const none of [undefined, null, NIL]) {
      const payload = payloadOf({ ...visit, session_id: none, page_id: none });
      const rows = [rowOf(payload), rowOf(payload)];
      const ids = rows.flatMap((row) => [row['session_id'], row['page_id']]);
      for (const id of ids) expect(id).toMatch(ID_V4);
      expect(new Set(ids).size).toBe(4);
    }
  });

  it("has the sender's id before any other", () => {
    const payload = payloadOf({ ...visit, id: `urn:uuid:${SESSION.toUpperCase()}` });
    expect(rowOf(payload, { idempotencyKey: 'key' })['id']).toBe(SESSION);
    expect(rowOf(payloadOf({ ...visit, id: NIL }))['id']).toBe(NIL);
  });

  it('has an id from its Idempotency-Key, the same each time, another for each place', () => {
    const payload = payloadOf({ ...visit, id: null });
    const idAt = (index: number): unknown => rowOf(payload, { idempotencyKey: 'key', index })['id'];
    expect(idAt(0)).toMatch(ID_V8);
    expect(idAt(0)).toBe(idAt(0));
    expect(idAt(0)).not.toBe(idAt(1));
  });

  it('has a new id each time when nothing names one', () => {
    expect(rowOf(payloadOf(visit))['id']).not.toBe(rowOf(payloadOf(visit))['id']);
  });

  it.each([
    [true, true],
    [false, false],
    [null, false],
    [undefined, false],
  ])('with dnt %j has isDropped %j', (dnt, isDropped) => {
    expect(readPageview(payloadOf({ ...visit, dnt }), context)).toMatchObject({ isDropped });
  });

  it('keeps the address of the visitor nowhere', () => {
    const pageview = readPageview(payloadOf({ ...visit, visitor_ip: '203.0.113.7' }), context);
    expect(JSON.stringify(pageview)).not.toContain('203.0.113.7');
  });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7\n', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['fe80::1%my_zone', 'fe80::1%my_zone'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ])('from %j asks for the country of %j', (visitorIp, asked) => {
    const seen: string[] = [];
    const countryOf = (ip: string): string => {
      seen.push(ip);
      return 'NZ';
    };
    const row = rowOf(payloadOf({ ...visit, visitor_ip: visitorIp }), { countryOf });
    expect([row['country_code'], ...seen]).toEqual(['NZ', asked]);
  });

  it.each([
    '1.2.3',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4:80',
    '[::1]',
    '::1/64',
    'fe80::1%',
    '1.2.3.4%eth0',
    'x',
  ])('from %j is refused', (visitorIp) => {
    expect(faultWith({ visitor_ip: visitorIp })).toBe('field_invalid visitor_ip');
  });
});

describe('a pageview is refused', () => {
  it.each(['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'])(
    'with a NUL that is hidden in the escapes of %s',
    (name) => {
      expect(faultWith({ url: `https://example.com/?${name}=a%00b` })).toBe('text_unstorable url');
    },
  );

  it.each([
    [{ url: undefined }, 'field_required url'],
    [{ url: ' ' }, 'field_required url'],
    [{ url: 7 }, 'field_type url'],
    [{ url: '/pricing' }, 'field_invalid url'],
    [{ url: 'https://example.com/?a=\ud800' }, 'text_unstorable url'],
    [{ timestamp: undefined }, 'field_required timestamp'],
    [{ timestamp: 'now' }, 'field_invalid timestamp'],
    [{ timestamp: '1999-01-01T00:00:00Z' }, 'timestamp_outside_policy timestamp'],
    [{ visitor_ip: undefined }, 'field_required visitor_ip'],
    [{ visitor_ip: 7 }, 'field_type visitor_ip'],
    [{ user_agent: undefined }, 'field_required user_agent'],
    [{ user_agent: '\t' }, 'field_required user_agent'],
    [{ user_agent: 'a\0' }, 'text_unstorable user_agent'],
    [{ referrer: 7 }, 'field_type referrer'],
    [{ referrer: '\0' }, 'text_unstorable referrer'],
    [{ viewport_width: 1.5 }, 'field_type viewport_width'],
    [{ viewport_height: '1' }, 'field_type viewport_height'],
    [{ screen_width: 3e9 }, 'field_out_of_range screen_width'],
    [{ screen_height: -3e9 }, 'field_out_of_range screen_height'],
    [{ language: ['en'] }, 'field_type language'],
    [{ language: '\udc00' }, 'text_unstorable language'],
    [{ dnt: 'yes' }, 'field_type dnt'],
    [{ dnt: 1 }, 'field_type dnt'],
    [{ session_id: '' }, 'field_invalid session_id'],
    [{ session_id: 5 }, 'field_type session_id'],
    [{ page_id: 'x' }, 'field_invalid page_id'],
    [{ id: 'x' }, 'field_invalid id'],
    [{ id: '' }, 'field_invalid id'],
    [{ id: 5 }, 'field_type id'],
  ])('with %j as %s', (fields, expected) => {
    expect(faultWith(fields)).toBe(expected);
  });

  it('for the first field that is wrong, in the order of the contract', () => {
    const order = [
      'url timestamp visitor_ip user_agent id referrer viewport_width viewport_height',
      'screen_width screen_height language dnt session_id page_id',
    ].flatMap((line) => line.split(' '));
    const wrong = Object.fromEntries(order.map((field) => [field, []]));
    for (const [place, field] of order.entries()) {
      const fixed = Object.fromEntries(order.slice(0, place).map((name) => [name, visit[name]]));
      expect(faultWith({ ...wrong, ...fixed })).toMatch(new RegExp(` ${field}$`));
    }
  });

  it('in the words of the contract', () => {
    const words: readonly (readonly [Fields, string])[] = [
      [{ url: 'x' }, 'url must be an absolute http or https URL'],
      [{ url: null }, 'url must be an absolute http or https URL'],
      [{ timestamp: 'x' }, 'timestamp must be RFC3339'],
      [{ visitor_ip: 'x' }, 'visitor_ip must be a valid IP address'],
      [{ user_agent: ' ' }, 'user_agent is required'],
    ];
    for (const [fields, text] of words) {
      const result = readPageview(payloadOf({ ...visit, ...fields }), context);
      expect(isFault(result) && result.detail.startsWith(text), text).toBe(true);
    }
  });
});

describe('any pageview', () => {
  const uuid = fc.uuid({ version: [4, 7] });
  const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> =>
    fc.option(fc.option(arbitrary, { nil: null }), { nil: undefined });
  const accepted = fc.record({
    host: fc.domain(),
    hasWww: fc.boolean(),
    path: fc.stringMatching(/^\/[a-z0-9/._~-]{0,30}$/),
    query: fc.option(fc.stringMatching(/^[a-z0-9=&.ü]{0,30}$/)),
    timestamp: instant,
    visitor_ip: address,
    user_agent: filledText,
    referrer: optional(storableText),
    viewport_width: optional(int4),
    viewport_height: optional(int4),
    screen_width: optional(int4),
    screen_height: optional(int4),
    language: optional(storableText),
    session_id: optional(uuid),
    page_id: optional(uuid),
    id: optional(uuid),
    country: fc.option(fc.constantFrom('AU', 'DE')),
    isEscaped: fc.boolean(),
  });

  it('that is accepted becomes a row that says what was sent', () => {
    fc.assert(
      fc.property(accepted, ({ host, hasWww, path, query, timestamp, country, isEscaped, ...fields }) => {
        const url = `https://${hasWww ? 'www.' : ''}${host}${path}${query === null ? '' : `?${query}`}`;
        const body = JSON.stringify({ ...fields, url, timestamp: timestamp.text });
        const row = rowOf(parseBody(isEscaped ? escapeJson(body) : body), { countryOf: () => country });
        expect(row).toEqual({
          site_id: SITE,
          timestamp: BigInt(timestamp.us),
          id: fields.id ?? (expect.stringMatching(ID_V7) as string),
          client_id: CLIENT,
          received_at: BigInt(NOW_MS) * 1000n,
          session_id: fields.session_id ?? (expect.stringMatching(ID_V4) as string),
          page_id: fields.page_id ?? (expect.stringMatching(ID_V4) as string),
          path: path + (query === null ? '' : `?${query}`),
          hostname: hasWww ? host : host.replace(/^www\./, ''),
          referrer: fields.referrer ?? null,
          user_agent: fields.user_agent,
          viewport_width: fields.viewport_width ?? null,
          viewport_height: fields.viewport_height ?? null,
          screen_width: fields.screen_width ?? null,
          screen_height: fields.screen_height ?? null,
          language: fields.language ?? null,
          country_code: country,
          utm_source: null,
          utm_medium: null,
          utm_campaign: null,
          utm_term: null,
          utm_content: null,
          qr_code_id: null,
        });
      }),
      { numRuns: 500 },
    );
  });
});
