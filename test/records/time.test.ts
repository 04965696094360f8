import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTimestampUs, readTimestamp } from '../../src/records/time.ts';
import { faultOf, NOW_MS, printInstant, wildText } from './samples.ts';

/** Where microseconds since 1970 are exact. */
const EXACT_US = Number.MAX_SAFE_INTEGER;

describe('a time', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2000-01-01T00:00:00Z', 946_684_800_000_000],
    ['2026-11-20T12:00:00Z', NOW_MS * 1000],
    ['2026-11-20T12:00:00.5Z', NOW_MS * 1000 + 500_000],
    ['2026-11-20T12:00:00.000001Z', NOW_MS * 1000 + 1],
    ['2026-11-20T12:00:00.1234567Z', NOW_MS * 1000 + 123_456],
    ['2026-11-20T12:00:00.999999999999999Z', NOW_MS * 1000 + 999_999],
    ['2026-11-20T14:30:00+02:30', NOW_MS * 1000],
    ['2026-11-20T09:30:00-02:30', NOW_MS * 1000],
    ['2026-11-21T11:59:00+23:59', NOW_MS * 1000],
    ['2026-11-20T12:00:00-00:00', NOW_MS * 1000],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29) * 1000],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29) * 1000],
  ])('written %s is %d us', (text, expected) => {
    expect(parseTimestampUs(text)).toBe(expected);
  });

  it('may lie in the first years of the calendar', () => {
    expect(parseTimestampUs('0000-03-01T00:00:00Z')).toBe(Date.parse('0000-03-01T00:00:00Z') * 1000);
    expect(parseTimestampUs('0099-12-31T23:59:59Z')).toBe(Date.parse('0099-12-31T23:59:59Z') * 1000);
  });

  it.each([
    '',
    '2026-11-20',
    '2026-11-20T12:00Z',
    '2026-11-20T12:00:00',
    '2026-11-20 12:00:00Z',
    '2026-11-20t12:00:00Z',
    '2026-11-20T12:00:00z',
    '2026-11-20T12:00:00.Z',
    '2026-11-20T12:00:00,5Z',
    '2026-11-20T12:00:00ZZ',
    '2026-11-20T12:00:00Z ',
    '2026-11-20T12:00:00+0200',
    '2026-11-20T12:00:00+02',
    '2026-11-20T12:00:00+24:00',
    '2026-11-20T12:00:00+02:60',
    '2026-11-20T12:00:00+02-00',
    '2026-11-20T24:00:00Z',
    '2026-11-20T12:60:00Z',
    '2026-12-31T23:59:60Z',
    '2026-00-20T12:00:00Z',
    '2026-13-20T12:00:00Z',
    '2026-11-00T12:00:00Z',
    '2026-11-31T12:00:00Z',
    '2026-02-29T12:00:00Z',
    '1900-02-29T12:00:00Z',
    '26-11-20T12:00:00Z',
    '12026-11-20T12:00:00Z',
    '+026-11-20T12:00:00Z',
    '2026-11-2xT12:00:00Z',
    '2026/11/20T12:00:00Z',
    '٢٠٢٦-11-20T12:00:00Z',
    '1763640000',
  ])('written %j is none', (text) => {
    expect(parseTimestampUs(text)).toBeNull();
  });

  it('agrees with Date.parse on every instant, and keeps each microsecond', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -EXACT_US, max: EXACT_US }),
        fc.integer({ min: -1439, max: 1439 }),
        fc.stringMatching(/^\d{0,9}$/),
        (us, offsetMinutes, beyond) => {
          const parsed = parseTimestampUs(printInstant(us, offsetMinutes, beyond));
          expect(parsed).toBe(us);
          // Date reads no more than three digits the same way everywhere.
          const ms = Date.parse(printInstant(us, offsetMinutes).replace(/(\.\d{3})\d{3}/, '$1'));
          expect(Math.floor((parsed ?? Number.NaN) / 1000)).toBe(ms);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('takes a date exactly when the calendar has it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1900, max: 2100 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (year, month, day) => {
          const date = new Date(Date.UTC(year, month - 1, day));
          const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
          const two = (number: number): string => String(number).padStart(2, '0');
          const parsed = parseTimestampUs(`${year}-${two(month)}-${two(day)}T00:00:00Z`);
          expect(parsed).toBe(isReal ? date.getTime() * 1000 : null);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is never misread: what is changed in one place is another time or none', () => {
    const good = '2026-11-20T12:00:00.123Z';
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (place, character) => {
        const text = good.slice(0, place) + character + good.slice(place + 1);
        const parsed = parseTimestampUs(text);
        if (parsed !== null) expect(Math.floor(parsed / 1000)).toBe(Date.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(wildText, (text) => {
        expect(parseTimestampUs(text)).toSatisfy((us) => us === null || Number.isInteger(us));
      }),
    );
  });
});

describe('the field timestamp', () => {
  const policy = { pastMs: 60_000, futureMs: 5000 };
  const read = (value: unknown): unknown => readTimestamp(value, 'event', NOW_MS, policy);

  it.each([
    ['2026-11-20T11:59:00Z', null],
    ['2026-11-20T11:58:59.999999Z', 'timestamp_outside_policy timestamp'],
    ['2026-11-20T12:00:05Z', null],
    ['2026-11-20T12:00:05.000001Z', 'timestamp_outside_policy timestamp'],
    ['\t 2026-11-20T12:00:00Z\n', null],
    ['yesterday', 'field_invalid timestamp'],
    ['', 'field_invalid timestamp'],
    [undefined, 'field_required timestamp'],
    [null, 'field_required timestamp'],
    [1_763_640_000, 'field_type timestamp'],
  ])('of %j gives %j', (value, expected) => {
    expect(faultOf(read(value))).toBe(expected);
  });

  it('may not be older than records of its kind are kept, which the refusal says', () => {
    const keptMs = { pageview: null, event: 30_000, aiFetch: 40_000 };
    const timestamp = '2026-11-20T11:59:25Z';
    const judge = (name: 'pageview' | 'event' | 'aiFetch'): unknown =>
      readTimestamp(timestamp, name, NOW_MS, { ...policy, keptMs });
    const event = judge('event');
    expect(faultOf(event)).toBe('timestamp_outside_policy timestamp');
    expect(event).toMatchObject({ detail: expect.stringContaining('SLUICE_RETENTION_EVENTS') as string });
    expect([judge('pageview'), judge('aiFetch')].map(faultOf)).toEqual([null, null]);
  });

  it('is explained in the words of the contract', () => {
    expect(read('yesterday')).toMatchObject({
      detail: expect.stringMatching(/^timestamp must be RFC3339/) as string,
    });
  });
});
