import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crawlers, findCrawler } from '../../src/crawlers/crawlers.ts';
import { hitkeepCrawlers } from '../../src/crawlers/overlay.ts';
import { readLiteral } from '../../src/crawlers/upstream.ts';

describe('a user agent', () => {
  it.each([
    [
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
      'GPTBot',
      'OpenAI',
      'ai_training_crawler',
    ],
    [
      'Mozilla/5.0 (compatible; ChatGPT-User/1.0; +https://openai.com/bot)',
      'ChatGPT-User',
      'OpenAI',
      'ai_assistant',
    ],
    [
      'Mozilla/5.0 (compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)',
      'PerplexityBot',
      'Perplexity',
      'ai_search_indexer',
    ],
    [
      'meta-externalagent/1.1 (+https://developers.facebook.com/docs)',
      'Meta-ExternalAgent',
      'Meta',
      'ai_training_crawler',
    ],
    ['Meta-ExternalAgent/1.1', 'Meta-ExternalAgent', 'Meta', 'ai_training_crawler'],
    ['Mozilla/5.0 (compatible; AI2Bot-Dolma)', 'AI2Bot', 'AI2', 'ai_training_crawler'],
    ['  CLAUDEBOT  ', 'ClaudeBot', 'Anthropic', 'ai_training_crawler'],
    ['cohere-ai', 'Cohere', 'Cohere', 'ai_training_crawler'],
    [
      'Mozilla/5.0 (compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot)',
      'OAI-SearchBot',
      'OpenAI',
      'ai_search_indexer',
    ],
    ['Mozilla/5.0 (compatible; Claude-User/1.0)', 'Claude-User', 'Anthropic', 'ai_assistant'],
    ['cohere-training-data-crawler', 'cohere-training-data-crawler', 'Cohere', 'ai_training_crawler'],
    // From the package alone.
    ['Mozilla/5.0 (compatible; TavilyBot/1.0)', 'TavilyBot', 'TavilyBot', 'other_ai'],
    ['AISearchBot', 'AISearchBot', 'AISearchBot', 'ai_search_indexer'],
  ])('%s is a known crawler', (userAgent, name, family, category) => {
    expect(findCrawler(userAgent)).toMatchObject({ name, family, category });
  });

  it.each([
    '',
    '   ',
    'Mozilla/5.0 (X11; Linux x86_64) Chrome/129.0.0.0 Safari/537.36',
    'facebookexternalhit/1.1',
    'Cursor/1.0 Operator/1.0 Devin',
    'gpt bot',
  ])('%j is none', (userAgent) => {
    expect(findCrawler(userAgent)).toBeNull();
  });

  it('with two tokens is the one with the longer, wherever it stands in the text', () => {
    fc.assert(
      fc.property(fc.nat(crawlers.length - 1), fc.nat(crawlers.length - 1), fc.string(), (a, b, between) => {
        const text = `${crawlers[a]?.token ?? ''}${between}${crawlers[b]?.token ?? ''}`;
        const found = findCrawler(text.toUpperCase());
        const longest = Math.max(
          ...crawlers.map(({ token }) => (text.toLowerCase().includes(token) ? token.length : 0)),
        );
        expect(found?.token.length).toBe(longest);
      }),
    );
  });

  it('is answered alike however often it is asked about, and however long it is', () => {
    for (const userAgent of ['GPTBot', 'nobody', `${'x'.repeat(600)} GPTBot`, 'x'.repeat(600)])
      for (let again = 0; again < 3; again++)
        expect(findCrawler(userAgent)?.name ?? null).toBe(userAgent.includes('GPTBot') ? 'GPTBot' : null);
  });
});

describe('the list', () => {
  it("is HitKeep's, in HitKeep's order", () => {
    expect(hitkeepCrawlers.map((crawler) => crawler.token).join(' ')).toBe(
      [
        'chatgpt-user gptbot claudebot claude-web perplexitybot google-extended',
        'googleother google-safety applebot-extended bytespider ccbot meta-externalagent',
        'meta-externalfetcher amazonbot cohere-ai youbot ai2bot diffbot',
        'timpibot imagesiftbot deepseekbot petalbot',
      ].join(' '),
    );
  });

  it("names HitKeep's as HitKeep does, though others know them too", () => {
    for (const crawler of hitkeepCrawlers) expect(crawlers).toContain(crawler);
  });

  it('has each token once, the longest first, and none that fits ordinary user agents', () => {
    const tokens = crawlers.map(({ token }) => token);
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(tokens.map((token) => token.length)).toEqual(
      tokens.map((token) => token.length).toSorted((a, b) => b - a),
    );
    expect(tokens.length).toBeGreaterThan(100);
    for (const word of ['cursor', 'operator', 'devin', 'openai', 'scraper', 'facebookexternalhit'])
      expect(tokens).not.toContain(word);
    for (const token of tokens) expect(token).toMatch(/^[ -~]{4,}$/);
    for (const token of tokens) expect(token).not.toMatch(/[/-]$|['%"\\]/);
  });

  it.each([
    ['CCBot', 'CCBot'],
    ['PerplexityBot\\/', 'PerplexityBot'],
    ['bigsur\\.ai', 'bigsur.ai'],
    ['The Knowledge AI', 'The Knowledge AI'],
    ['[cC]laude[bB]ot', null],
    ['Spider[\\s\\S]*spider\\.com', null],
    ['a.c.d', null],
    ['^Anchored', null],
    ['Devin', null],
    ['yak', null],
  ])('takes the pattern %s of the public list for %s', (pattern, literal) => {
    expect(readLiteral(pattern)).toBe(literal);
  });

  it('has lower-case tokens, since user agents are lowered before they are compared', () => {
    for (const { token } of crawlers) expect(token).toBe(token.trim().toLowerCase());
  });
});
