import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEventName, encodeEvent, readEvent } from '../../src/records/event.ts';
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
  ID_V4,
  ID_V7,
  ID_V8,
  instant,
  NIL,
  NOW_MS,
  parseBody,
  payloadOf,
  SESSION,
  SITE,
  storableText,
  visit,
} from './samples.ts';

const sample: Fields = { ...visit, name: 'signup' };

function rowOf(payload: Payload, idempotencyKey = ''): Decoded['row'] {
  const event = readEvent(payload, { ...context, idempotencyKey });
  const problem = isFault(event) ? event : checkEventName(event);
  if (isFault(event) || problem !== null) throw new Error(problem?.detail);
  return encodeRow(event, encodeEvent).row;
}

const faultWith = (fields: Fields): string | null =>
  faultOf(readEvent(payloadOf({ ...sample, ...fields }), context));

const faultOfName = (body: string): string | null => {
  const event = readEvent(parseBody(body), context);
  return isFault(event) ? 'too early' : faultOf(checkEventName(event));
};

describe('an event', () => {
  it('with only what is required becomes a row with nulls for the rest', () => {
    expect(rowOf(payloadOf(sample))).toEqual({
      site_id: SITE,
      timestamp: BigInt(NOW_MS - 2000) * 1000n + 123_456n,
      id: expect.stringMatching(ID_V7) as string,
      client_id: CLIENT,
      received_at: BigInt(NOW_MS) * 1000n,
      session_id: expect.stringMatching(ID_V4) as string,
      name: 'signup',
      properties: '{}',
      path: '/pricing?plan=pro',
      hostname: 'example.com',
      referrer: null,
      user_agent: visit['user_agent'],
      country_code: 'AU',
    });
  });

  it('has its name trimmed, in the case it came in', () => {
    expect(rowOf(payloadOf({ ...sample, name: ' Sign Up\n' }))['name']).toBe('Sign Up');
  });

  it.each([
    [undefined, 'field_required name'],
    [null, 'field_required name'],
    ['', 'field_required name'],
    [' \t', 'field_required name'],
    [7, 'field_type name'],
    [{}, 'field_type name'],
    ['a\0', 'text_unstorable name'],
    ['\ud800', 'text_unstorable name'],
    ['x', null],
  ])('named %j is judged only in a step of its own, as %s', (name, expected) => {
    expect(faultOfName(JSON.stringify({ ...sample, name }))).toBe(expected);
  });

  it('has ids by the same rules as a pageview', () => {
    expect(rowOf(payloadOf({ ...sample, id: SESSION }), 'key')['id']).toBe(SESSION);
    expect(rowOf(payloadOf(sample), 'key')['id']).toMatch(ID_V8);
    expect(rowOf(payloadOf({ ...sample, session_id: NIL }))['session_id']).toMatch(ID_V4);
  });

  it.each([
    [{ url: 'x', dnt: 'x' }, 'field_invalid url'],
    [{ timestamp: 'x', dnt: 'x' }, 'field_invalid timestamp'],
    [{ visitor_ip: 'x', dnt: 'x' }, 'field_invalid visitor_ip'],
    [{ user_agent: '', dnt: 'x' }, 'field_required user_agent'],
    [{ id: 'x' }, 'field_invalid id'],
    [{ referrer: 5 }, 'field_type referrer'],
    [{ dnt: 'x' }, 'field_type dnt'],
    [{ session_id: 'x' }, 'field_invalid session_id'],
    [{ properties: [] }, 'field_type properties'],
    [{ properties: 'x' }, 'field_type properties'],
    [{ properties: 5 }, 'field_type properties'],
    [{ properties: { a: 'x\0' } }, 'text_unstorable properties'],
    [{ properties: { 'a\0': 1 } }, 'text_unstorable properties'],
    [{ properties: { a: [{ b: ['\ud800'] }] } }, 'text_unstorable properties'],
    [{ properties: { a: [{ '\udc00': 1 }] } }, 'text_unstorable properties'],
  ])('with %j is refused as %s', (fields, expected) => {
    expect(faultWith(fields)).toBe(expected);
  });

  it('with dnt is marked to be dropped', () => {
    expect(readEvent(payloadOf({ ...sample, dnt: true }), context)).toMatchObject({ isDropped: true });
  });
});

describe('properties', () => {
  const withProperties = (json: string): Payload =>
    parseBody(JSON.stringify(sample).replace(/\}$/, `,"properties":${json}}`));
  const kept = (json: string): unknown => rowOf(withProperties(json))['properties'];
  const fault = (json: string): string | null => faultOf(readEvent(withProperties(json), context));
  /** `levels` objects and arrays, one in the other. */
  const nest = (levels: number): string => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

  it.each([
    ['null', '{}'],
    ['{}', '{}'],
    ['{ "b" : 1, "a" : [ true , null ] }', '{"b":1,"a":[true,null]}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{"a":"\\u00fc\\u0001"}', '{"a":"ü\\u0001"}'],
    ['{"__proto__":{"x":1},"constructor":2}', '{"__proto__":{"x":1},"constructor":2}'],
    ['{"toJSON":"x"}', '{"toJSON":"x"}'],
    ['{"a":1e308}', '{"a":1e+308}'],
  ])('sent as %s are kept as %s', (json, expected) => {
    expect(kept(json)).toBe(expected);
  });

  it.each(['{"a":1e400}', '{"a":[[-1e400]]}'])('with a number too large, as %s, are refused', (json) => {
    expect(fault(json)).toBe('field_out_of_range properties');
  });

  it('may be nested for a hundred levels, and no deeper', () => {
    expect(kept(nest(100))).toBe(nest(100));
    expect(fault(nest(101))).toBe('field_invalid properties');
  });

  it('nested for thirty thousand levels are a fault, not a crash', () => {
    expect(fault(nest(30_000))).toBe('field_invalid properties');
    expect(fault(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`)).toBe('field_invalid properties');
  });
});

describe('any event', () => {
  const uuid = fc.uuid({ version: [4, 7] });
  const properties = fc
    .dictionary(storableText, fc.jsonValue({ stringUnit: 'binary' }))
    .filter((value) => !JSON.stringify(value).includes(String.raw`\u0000`));

  it('that is accepted becomes a row that says what was sent', () => {
    fc.assert(
      fc.property(
        fc.record({
          timestamp: instant,
          visitor_ip: address,
          user_agent: filledText,
          name: filledText,
          referrer: fc.option(storableText),
          properties: fc.option(properties),
          session_id: fc.option(uuid),
          id: fc.option(uuid),
        }),
        fc.boolean(),
        ({ timestamp, ...fields }, isEscaped) => {
          const body = JSON.stringify({ ...fields, url: visit['url'], timestamp: timestamp.text });
          const row = rowOf(parseBody(isEscaped ? escapeJson(body) : body));
          expect(row).toEqual({
            site_id: SITE,
            timestamp: BigInt(timestamp.us),
            id: fields.id ?? (expect.stringMatching(ID_V7) as string),
            client_id: CLIENT,
            received_at: BigInt(NOW_MS) * 1000n,
            session_id: fields.session_id ?? (expect.stringMatching(ID_V4) as string),
            name: fields.name.trim(),
            properties: JSON.stringify(JSON.parse(JSON.stringify(fields.properties ?? {}))),
            path: '/pricing?plan=pro',
            hostname: 'example.com',
            referrer: fields.referrer,
            user_agent: fields.user_agent,
            country_code: fields.visitor_ip.startsWith('203.0.113.') ? 'AU' : null,
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});
