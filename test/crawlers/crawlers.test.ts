import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crawlers, findCrawler } from '../../src/crawlers/crawlers.ts';

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
  ])('%s is a known crawler', (userAgent, name, family, category) => {
    expect(findCrawler(userAgent)).toMatchObject({ name, family, category });
  });

  it.each([
    '',
    '   ',
    'Mozilla/5.0 (X11; Linux x86_64) Chrome/129.0.0.0 Safari/537.36',
    'Mozilla/5.0 (compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot)',
    'Mozilla/5.0 (compatible; Claude-User/1.0)',
    'cohere-training-data-crawler',
    'facebookexternalhit/1.1',
    'Cursor/1.0 Operator/1.0 Devin',
    'gpt bot',
  ])('%j is none', (userAgent) => {
    expect(findCrawler(userAgent)).toBeNull();
  });

  it('with two tokens is the one that stands first in the list, wherever it stands in the text', () => {
    fc.assert(
      fc.property(fc.nat(crawlers.length - 1), fc.nat(crawlers.length - 1), fc.string(), (a, b, between) => {
        const text = `${crawlers[a]?.token ?? ''}${between}${crawlers[b]?.token ?? ''}`;
        const first = crawlers.findIndex((crawler) => text.toLowerCase().includes(crawler.token));
        expect(findCrawler(text.toUpperCase())).toBe(crawlers[first]);
        expect(first).toBeLessThanOrEqual(Math.min(a, b));
      }),
    );
  });
});

describe('the list', () => {
  it("is HitKeep's, in HitKeep's order", () => {
    expect(crawlers.map((crawler) => crawler.token).join(' ')).toBe(
      [
        'chatgpt-user gptbot claudebot claude-web perplexitybot google-extended',
        'googleother google-safety applebot-extended bytespider ccbot meta-externalagent',
        'meta-externalfetcher amazonbot cohere-ai youbot ai2bot diffbot',
        'timpibot imagesiftbot deepseekbot petalbot',
      ].join(' '),
    );
  });

  it('has lower-case tokens, since user agents are lowered before they are compared', () => {
    for (const { token } of crawlers) expect(token).toBe(token.trim().toLowerCase());
  });
});
