import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createIdSource,
  deriveId,
  parseUuid,
  printUuid,
  readUuid,
  writeUuid,
} from '../../src/records/identity.ts';
import { CLIENT, faultOf, ID_V4, ID_V7, ID_V8, NIL, NOW_MS, SESSION, wildText } from './samples.ts';

const DIGITS = SESSION.replaceAll('-', '');

describe('a UUID', () => {
  it.each([
    SESSION,
    SESSION.toUpperCase(),
    `urn:uuid:${SESSION}`,
    `URN:UUID:${SESSION}`,
    `{${SESSION}}`,
    DIGITS,
    DIGITS.toUpperCase(),
  ])('may be written %s', (text) => {
    expect(parseUuid(text)).toBe(SESSION);
  });

  it.each([
    '',
    ' ',
    ` ${SESSION}`,
    `${SESSION} `,
    `${SESSION}\n`,
    SESSION.slice(1),
    `${SESSION}0`,
    SESSION.replace('c', 'g'),
    `{${SESSION}`,
    `(${SESSION})`,
    `uuid:${SESSION}`,
    `urn:uuid:${DIGITS}`,
    `{${DIGITS}}`,
    `${DIGITS}0`,
    'c56a418065aa-42ec-a945-5fd2-1dec0538',
    'c56a4180-65aa-42ec-a9455-fd21dec0538',
    '-'.repeat(36),
    `{${'-'.repeat(36)}}`,
  ])('is not written %j', (text) => {
    expect(parseUuid(text)).toBeNull();
  });

  it('is sixteen bytes, and the same UUID again', () => {
    fc.assert(
      fc.property(fc.uuid({ version: [1, 4, 7, 15] }), fc.nat(8), (uuid, offset) => {
        const buffer = Buffer.alloc(24, 0xee);
        writeUuid(uuid, buffer, offset);
        const expected = Buffer.alloc(24, 0xee);
        expected.write(uuid.replaceAll('-', ''), offset, 'hex');
        expect(buffer).toEqual(expected);
        expect(printUuid(buffer, offset)).toBe(uuid);
      }),
    );
  });

  it('is told from any other text without an exception', () => {
    fc.assert(
      fc.property(wildText, (text) => {
        expect(parseUuid(text)).toBeNull();
      }),
    );
  });

  it.each([
    [undefined, null],
    [null, null],
    [NIL, null],
    [`{${NIL}}`, null],
    [SESSION.toUpperCase(), SESSION],
    ['', 'field_invalid f'],
    ['garbage', 'field_invalid f'],
    [7, 'field_type f'],
    [{}, 'field_type f'],
  ])('read as a field from %j gives %j', (value, expected) => {
    const result = readUuid(value, 'f');
    expect(faultOf(result) ?? result).toBe(expected);
  });
});

describe('a derived id', () => {
  it('is a UUID of version 8, and always the same', () => {
    expect(deriveId(CLIENT, 'key', 0)).toMatch(ID_V8);
    // Part of the promise: a release that changed it would store a retry twice.
    expect(deriveId('6f0e4e6a-0b9d-4c52-9d0b-a4c1f2b3d4e5', 'order-1', 0)).toBe(EXPECTED_ID);
  });

  it('is another for another client, key or place, however the parts are cut', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '1', '\n', '-', '|') });
    const source = fc.tuple(fc.uuid(), part, fc.nat(20));
    fc.assert(
      fc.property(source, source, (a, b) => {
        expect(deriveId(...a) === deriveId(...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    expect(deriveId(CLIENT, '1', 0)).not.toBe(deriveId(CLIENT, '0', 1));
    expect(deriveId(CLIENT, '1\n2', 3)).not.toBe(deriveId(CLIENT, '2', 31));
  });
});

const EXPECTED_ID = '81f195c0-a660-8b63-9508-499fc9ccb616';

describe('a new id', () => {
  const buffer = Buffer.alloc(32);
  const ids = createIdSource(randomBytes);

  it('of version 7 begins with the time', () => {
    ids.writeTimed(buffer, 5, NOW_MS);
    expect(printUuid(buffer, 5)).toMatch(ID_V7);
    expect(buffer.readUIntBE(5, 6)).toBe(NOW_MS);
  });

  it('of version 4 is all chance', () => {
    ids.writeRandom(buffer, 5);
    expect(printUuid(buffer, 5)).toMatch(ID_V4);
  });

  it('is sixteen bytes, where it was asked for', () => {
    buffer.fill(0xee);
    ids.writeTimed(buffer, 8, NOW_MS);
    ids.writeRandom(buffer, 8);
    expect(buffer.subarray(0, 8)).toEqual(Buffer.alloc(8, 0xee));
    expect(buffer.subarray(24)).toEqual(Buffer.alloc(8, 0xee));
  });

  it('is never given twice, beyond the size of the pool of chance', () => {
    const seen = new Set<string>();
    for (let count = 0; count < 2000; count++) {
      if (count % 2 === 0) ids.writeRandom(buffer, 0);
      else ids.writeTimed(buffer, 0, NOW_MS);
      seen.add(printUuid(buffer, 0));
    }
    expect(seen.size).toBe(2000);
  });

  it('uses each byte of chance for one id only', () => {
    let next = 0;
    const counting = createIdSource((size) => {
      const block = Buffer.alloc(size);
      for (let at = 0; at < size; at += 4) block.writeUInt32BE(next++, at);
      return block;
    });
    const tails = new Set<number>();
    for (let count = 0; count < 1000; count++) {
      counting.writeRandom(buffer, 0);
      tails.add(buffer.readUInt32BE(12));
    }
    expect(tails.size).toBe(1000);
  });
});
