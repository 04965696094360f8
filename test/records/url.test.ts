import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCampaign, splitUrl } from '../../src/records/url.ts';
import { wildText } from './samples.ts';

const brief = (text: string): readonly [string, string] | null => {
  const url = splitUrl(text);
  return url === null ? null : [url.hostname, url.path];
};

describe('a URL', () => {
  it.each([
    ['https://example.com', 'example.com', '/'],
    ['http://example.com/', 'example.com', '/'],
    ['HTTPS://WWW.Example.COM/A/b', 'example.com', '/A/b'],
    ['https://www.www.example.com/', 'www.example.com', '/'],
    ['https://wwwexample.com/', 'wwwexample.com', '/'],
    ['https://docs.example.com/', 'docs.example.com', '/'],
    ['https://example.com:8443/a', 'example.com', '/a'],
    ['https://example.com:/a', 'example.com', '/a'],
    ['https://localhost/a', 'localhost', '/a'],
    ['https://my_host.example/a', 'my_host.example', '/a'],
    ['https://example.com./a', 'example.com.', '/a'],
    ['https://203.0.113.7/a', '203.0.113.7', '/a'],
    ['https://user:secret@example.com/a', 'example.com', '/a'],
    ['https://[2001:DB8::1]:8443/a', '2001:db8::1', '/a'],
    ['https://[::1]/', '::1', '/'],
    ['https://bücher.example/a', 'xn--bcher-kva.example', '/a'],
    ['https://example.com?a=1', 'example.com', '/?a=1'],
    ['https://example.com/a?', 'example.com', '/a?'],
    ['https://example.com/a?b=1#c?d', 'example.com', '/a?b=1'],
    ['https://example.com#c', 'example.com', '/'],
    ['https://example.com/a?b=http://x/?y&z=%zz ü', 'example.com', '/a?b=http://x/?y&z=%zz ü'],
    ['https://example.com/a/../b/./c//d', 'example.com', '/a/../b/./c//d'],
    ['https://example.com/%7Euser/%2F', 'example.com', '/%7Euser/%2F'],
    ['https://example.com/a%20b', 'example.com', '/a%20b'],
    ['https://example.com/a b', 'example.com', '/a%20b'],
    ['https://example.com/über/😀', 'example.com', '/%C3%BCber/%F0%9F%98%80'],
    ['https://example.com/"<>\\^`{|}', 'example.com', '/%22%3C%3E%5C%5E%60%7B%7C%7D'],
    ['https://example.com/%41 b', 'example.com', '/%41%20b'],
    ["https://example.com/-._~!$&'()*+,;=:@[]", 'example.com', "/-._~!$&'()*+,;=:@[]"],
  ])('%s leads to %s and %s', (text, hostname, path) => {
    expect(brief(text)).toEqual([hostname, path]);
  });

  it.each([
    '',
    'example.com',
    '/pricing',
    '//example.com/',
    'ftp://example.com/',
    'https:/example.com/',
    'https:example.com',
    'https://',
    'https:///path',
    'https://?a',
    'https://:80/',
    'https://user@/',
    'https://exa mple.com/',
    'https://example.com:port/',
    'https://example.com:123456/',
    'https://example.com:65536/',
    'https://example.com:80:80/',
    'https://exa<mple.com/',
    'https://example.com\\@evil.example/',
    'https://[::1/',
    'https://[::g]/',
    'https://example.com/%',
    'https://example.com/%zz',
    'https://example.com/%4',
    'https://example.com/a\nb',
    'https://example.com/a\tb',
    'https://example.com/\u0000',
    'https://example.com/\u007f',
    'https://example.com/?a=\u0001',
    'https://example.com/\ud800',
    ' https://example.com/',
  ])('%j is none', (text) => {
    expect(splitUrl(text)).toBeNull();
  });

  it('keeps www. in the host for those who want it, and the query by itself', () => {
    expect(splitUrl('https://www.example.com:80/a?b=c#d')).toEqual({
      hostname: 'example.com',
      host: 'www.example.com',
      path: '/a?b=c',
      query: 'b=c',
    });
  });

  it('has the hostname that WHATWG gives it, and the path that was written', () => {
    const segment = fc
      .stringMatching(/^[a-z0-9~_!$&'()*+,;=:@%-]{0,8}$/)
      .map((text) => text.replaceAll('%', '%2F'));
    fc.assert(
      fc.property(
        fc.constantFrom('http', 'https', 'HTTP'),
        fc.domain(),
        fc.option(fc.integer({ min: 0, max: 65_535 })),
        fc.array(segment),
        fc.option(fc.stringMatching(/^[ -"$-~]{0,20}$/)),
        fc.option(fc.stringMatching(/^[ -~]{0,20}$/)),
        (scheme, domain, port, segments, query, fragment) => {
          const authority = `${domain}${port === null ? '' : `:${port}`}`;
          const path = `/${segments.join('/')}${query === null ? '' : `?${query}`}`;
          const text = `${scheme}://${authority}${path}${fragment === null ? '' : `#${fragment}`}`;
          const url = splitUrl(text);
          expect(url?.host).toBe(new URL(text).hostname);
          expect(url?.path).toBe(path);
          expect(url?.query).toBe(query ?? '');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('leads to a path of plain characters before the query, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (rest) => {
        const url = splitUrl(`https://example.com/${rest}`);
        if (url === null) return;
        expect(url.path.split('?', 1)[0]).toMatch(/^\/[!-~]*$/);
        expect(decodeURI(url.path.split('?', 1)[0]?.replaceAll(/%[89a-f]./gi, '') ?? '')).toBeTypeOf(
          'string',
        );
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(wildText, fc.boolean(), fc.boolean(), (text, hasScheme, hasHost) => {
        splitUrl(`${hasScheme ? 'http://' : ''}${hasHost ? 'example.com/' : ''}${text}`);
        readCampaign(`utm_source=${text}&${text}`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a query', () => {
  it.each([
    ['', {}],
    ['a=1&b=2', {}],
    ['utm_source=news', { source: 'news' }],
    [
      'utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e',
      { source: 'a', medium: 'b', campaign: 'c', term: 'd', content: 'e' },
    ],
    ['x=1&utm_source=a&utm_source=b', { source: 'a' }],
    ['utm_source=&utm_source=b', {}],
    ['utm_source=spring+sale%21', { source: 'spring sale!' }],
    ['utm_source=%2B+%2B', { source: '+ +' }],
    ['utm_source=++a++', { source: 'a' }],
    ['utm_source=+%20', {}],
    ['utm_source', {}],
    ['utm_source=a=b', { source: 'a=b' }],
    ['utm_source=%C3%BC', { source: 'ü' }],
    ['utm_source=ü', { source: 'ü' }],
    ['utm_source=%FFü', { source: '\ufffdü' }],
    ['utm%5Fsource=a', { source: 'a' }],
    ['utm_source=%zz&utm_source=b', { source: 'b' }],
    ['utm_source=50%&utm_medium=b', { medium: 'b' }],
    ['utm_source=a;b&utm_medium=c', { medium: 'c' }],
    ['UTM_SOURCE=a', {}],
    ['my_utm_source=a', {}],
    ['utm_sources=a', {}],
    ['constructor=a&utm_x=%25', {}],
    ['hk_qr=abc', { qr: 'abc' }],
    ['utm_source=a%00b', { source: 'a\u0000b' }],
  ])('of %s tells the campaign', (query, expected) => {
    const none = { source: null, medium: null, campaign: null, term: null, content: null, qr: null };
    expect(readCampaign(query)).toEqual({ ...none, ...expected });
  });

  it('tells what URLSearchParams tells, wherever every escape is whole', () => {
    const key = fc.constantFrom('utm_source', 'utm_medium', 'utm_term', 'utm%5fcontent', 'hk_qr', 'page');
    const value = fc.string({
      unit: fc.constantFrom('a', ' ', '+', '=', '%41', '%C3%BC', '%ff', '%2B'),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), (pairs) => {
        const query = pairs.map(([name, text]) => `${name}=${text}`).join('&');
        const read = new URLSearchParams(query);
        const expected = (name: string): string | null => read.get(name)?.trim() || null;
        expect(readCampaign(query)).toEqual({
          source: expected('utm_source'),
          medium: expected('utm_medium'),
          campaign: expected('utm_campaign'),
          term: expected('utm_term'),
          content: expected('utm_content'),
          qr: expected('hk_qr'),
        });
      }),
      { numRuns: 500 },
    );
  });
});
