import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crawlers } from '../../src/crawlers/crawlers.ts';
import { createVerifier, rangeSources, readPrefixes } from '../../src/crawlers/ranges.ts';

const GPTBOT = 'https://openai.com/gptbot.json';
const listOf = (url: string, ...prefixes: string[]) => ({
  url,
  fetched_at: '2026-11-01T00:00:00Z',
  prefixes,
});

describe('the sources', () => {
  it('are of crawlers that are known', () => {
    const tokens = new Set(crawlers.map(({ token }) => token));
    for (const source of rangeSources) for (const token of source.tokens) expect(tokens).toContain(token);
  });
});

describe("a vendor's document", () => {
  it('has prefixes as objects, or as plain texts', () => {
    const document = {
      creationTime: '2026-11-01T00:00:00.000000',
      prefixes: [{ ipv4Prefix: '192.0.2.0/28' }, { ipv6Prefix: '2001:db8::/32' }, '198.51.100.7/32'],
    };
    expect(readPrefixes(document)).toEqual(['192.0.2.0/28', '2001:db8::/32', '198.51.100.7/32']);
  });

  it.each([
    ['without prefixes', {}],
    ['with none', { prefixes: [] }],
    ['with another text', { prefixes: ['everything'] }],
    ['with a bare address', { prefixes: ['192.0.2.1'] }],
    ['with too many bits', { prefixes: ['192.0.2.1/33'] }],
    ['with one that is no prefix', { prefixes: ['192.0.2.0/28', null] }],
    ['that is no object', 'prefixes'],
  ])('%s is none', (_, document) => {
    expect(readPrefixes(document)).toBeNull();
  });

  it('is judged without a failure, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, text) => {
        for (const document of [value, { prefixes: value }, { prefixes: [text, { ipv4Prefix: text }] }]) {
          const prefixes = readPrefixes(document);
          if (prefixes !== null) createVerifier([listOf(GPTBOT, ...prefixes)]);
        }
      }),
    );
  });
});

describe('a crawler', () => {
  const isVerified = createVerifier([listOf(GPTBOT, '192.0.2.0/28', '2001:db8::/32')]);

  it.each([
    ['192.0.2.15', true],
    ['192.0.2.16', false],
    ['2001:db8:1::1', true],
    ['2001:db9::1', false],
    ['::ffff:192.0.2.1', true],
    ['fe80::1%eth0', false],
  ])('from %s is its own: %s', (address, expected) => {
    expect(isVerified('gptbot', address)).toBe(expected);
  });

  it('whose ranges are not there is not judged', () => {
    expect(isVerified('ccbot', '192.0.2.1')).toBeNull();
    expect(isVerified('bytespider', '192.0.2.1')).toBeNull();
  });

  it('with two lists, of which one is there, is verified by that, and never denied', () => {
    const [url = ''] = rangeSources
      .filter(({ tokens }) => tokens.includes('google-notebooklm'))
      .map((source) => source.url);
    const known = createVerifier([listOf(url, '192.0.2.0/28')]);
    expect(known('google-notebooklm', '192.0.2.1')).toBe(true);
    expect(known('google-notebooklm', '198.51.100.1')).toBeNull();
  });

  it('is judged without a failure from every address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        fc.pre(isIP(address) !== 0);
        expect(typeof isVerified('gptbot', address)).toBe('boolean');
      }),
    );
  });
});
