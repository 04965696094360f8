import { describe, expect, it } from 'vitest';
import { normaliseDomain } from '../../src/admin/sites/site.ts';

describe('a domain', () => {
  it.each([
    ['example.com', 'example.com'],
    ['  WWW.Example.COM ', 'example.com'],
    ['www.www.example.com', 'www.example.com'],
    ['localhost', 'localhost'],
    ['xn--mller-kva.example', 'xn--mller-kva.example'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('%j is kept as a record would name it', (text, domain) => {
    expect(normaliseDomain(text)).toBe(domain);
  });

  it.each([
    [
      '',
      '   ',
      'https://example.com',
      'example.com/',
      'example.com:80',
      'exa mple.com',
      '-a.com',
      'a-.com',
      'a..b',
      '.com',
    ],
    ['müller.example', "a'b.com", 'a_b.com', `${'a'.repeat(64)}.example`, Array(130).fill('aa').join('.')],
  ])('%j and its like are none', (...texts) => {
    for (const text of texts) expect(normaliseDomain(text)).toBeNull();
  });
});
