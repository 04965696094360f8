import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createToken,
  hashToken,
  hintToken,
  isPossibleToken,
  readCredential,
} from '../../src/grants/token.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const anyRandom = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

function readBase62(digits: string): bigint {
  return digits.split('').reduce((number, digit) => number * 62n + BigInt(BASE62.indexOf(digit)), 0n);
}

describe('a token', () => {
  it('is a prefix, 43 digits that hold all 256 random bits, and 6 digits of CRC-32 of all before', () => {
    fc.assert(
      fc.property(anyRandom, (random) => {
        const token = createToken(random);
        expect(token).toMatch(/^slc_[0-9A-Za-z]{49}$/);
        expect(readBase62(token.slice(4, 47))).toBe(BigInt(`0x${random.toString('hex')}`));
        expect(readBase62(token.slice(47))).toBe(BigInt(crc32(token.slice(0, 47))));
        expect(isPossibleToken(token)).toBe(true);
      }),
    );
  });

  it('keeps its width when the random bits are all zero or all one', () => {
    expect(createToken(Buffer.alloc(32))).toMatch(/^slc_0{43}/);
    expect(createToken(Buffer.alloc(32, 255))).toHaveLength(53);
  });

  it('is made from 32 bytes and from nothing less', () => {
    expect(() => createToken(Buffer.alloc(31))).toThrow(RangeError);
  });

  it('is refused after any change of one character', () => {
    const change = fc.record({
      random: anyRandom,
      index: fc.integer({ min: 4, max: 52 }),
      digit: fc.constantFrom(...BASE62.split('')),
    });
    fc.assert(
      fc.property(change, ({ random, index, digit }) => {
        const token = createToken(random);
        const changed = token.slice(0, index) + digit + token.slice(index + 1);
        expect(isPossibleToken(changed)).toBe(changed === token);
      }),
    );
  });

  it('is refused with digits of another alphabet, even when the checksum is right', () => {
    const body = `slc_${'-'.repeat(43)}`;
    let check = '';
    for (let rest = crc32(body); check.length < 6; rest = Math.floor(rest / 62)) {
      check = BASE62.charAt(rest % 62) + check;
    }
    expect(isPossibleToken(body + check)).toBe(false);
  });

  it.each(['', 'slc_', 'slc_short', 'a b', 'naïve', 'tab\tinside', 'x'.repeat(129), '\u0000'])(
    'cannot be %j',
    (text) => {
      expect(isPossibleToken(text)).toBe(false);
    },
  );

  it('of HitKeep, 64 hexadecimal digits, is possible, as is any printable text up to 128 characters', () => {
    expect(isPossibleToken(randomBytes(32).toString('hex'))).toBe(true);
    expect(isPossibleToken('x'.repeat(128))).toBe(true);
    expect(isPossibleToken('hk_live_~!')).toBe(true);
  });

  it('is judged, hashed and hinted at without a failure, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (text) => {
        expect(typeof isPossibleToken(text)).toBe('boolean');
        expect(hashToken(text)).toMatch(/^[0-9a-f]{64}$/);
        expect(hintToken(text).length).toBeLessThan(10);
      }),
    );
  });

  it('is hashed as SHA-256 of its text, in lower-case hex', () => {
    expect(hashToken('token')).toBe(createHash('sha256').update('token').digest('hex'));
  });

  it('is shown by its prefix and its last four characters', () => {
    const token = createToken(randomBytes(32));
    expect(hintToken(token)).toBe(`slc_…${token.slice(-4)}`);
    expect(hintToken('0123456789abcdef')).toBe('…cdef');
  });
});

describe('a credential', () => {
  it.each([
    ['Bearer abc', '', 'abc'],
    ['bearer abc', '', 'abc'],
    ['BEARER   abc  ', '', 'abc'],
    ['Bearer abc', 'def', 'abc'],
    ['Basic abc', 'def', 'def'],
    ['', 'def', 'def'],
    ['', '  def ', 'def'],
    ['Bearer', 'def', 'def'],
    ['Bearer   ', 'def', 'def'],
    ['Bearerabc', 'def', 'def'],
    ['Basic abc', '', null],
    ['Bearer ', '', null],
    ['', '   ', null],
    ['', '', null],
  ])('of Authorization %j and X-Api-Key %j is %j', (authorization, apiKey, expected) => {
    expect(readCredential(authorization, apiKey)).toBe(expected);
  });
});
