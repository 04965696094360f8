/**
 * User agent -> AI crawler: HitKeep's 22 tokens, in HitKeep's order, matched as substrings of the lower-cased,
 * trimmed user agent; the first that fits wins. Pure.
 */

export type CrawlerCategory =
  'ai_training_crawler' | 'ai_search_indexer' | 'ai_assistant' | 'ai_agent' | 'ai_coding_agent' | 'other_ai';

export interface Crawler {
  readonly token: string;
  readonly name: string;
  /** The vendor. */
  readonly family: string;
  readonly category: CrawlerCategory;
}

export const crawlers: readonly Crawler[] = [
  crawler('chatgpt-user', 'ChatGPT-User', 'OpenAI', 'ai_assistant'),
  crawler('gptbot', 'GPTBot', 'OpenAI', 'ai_training_crawler'),
  crawler('claudebot', 'ClaudeBot', 'Anthropic', 'ai_training_crawler'),
  crawler('claude-web', 'Claude-Web', 'Anthropic', 'ai_assistant'),
  crawler('perplexitybot', 'PerplexityBot', 'Perplexity', 'ai_search_indexer'),
  crawler('google-extended', 'Google-Extended', 'Google', 'ai_training_crawler'),
  crawler('googleother', 'GoogleOther', 'Google', 'ai_training_crawler'),
  crawler('google-safety', 'Google-Safety', 'Google', 'other_ai'),
  crawler('applebot-extended', 'Applebot-Extended', 'Apple', 'ai_training_crawler'),
  crawler('bytespider', 'Bytespider', 'ByteDance', 'ai_training_crawler'),
  crawler('ccbot', 'CCBot', 'Common Crawl', 'ai_training_crawler'),
  crawler('meta-externalagent', 'Meta-ExternalAgent', 'Meta', 'ai_training_crawler'),
  crawler('meta-externalfetcher', 'Meta-ExternalFetcher', 'Meta', 'ai_assistant'),
  crawler('amazonbot', 'Amazonbot', 'Amazon', 'ai_search_indexer'),
  crawler('cohere-ai', 'Cohere', 'Cohere', 'ai_training_crawler'),
  crawler('youbot', 'YouBot', 'You.com', 'ai_search_indexer'),
  crawler('ai2bot', 'AI2Bot', 'AI2', 'ai_training_crawler'),
  crawler('diffbot', 'Diffbot', 'Diffbot', 'ai_training_crawler'),
  crawler('timpibot', 'Timpibot', 'Timpi', 'ai_search_indexer'),
  crawler('imagesiftbot', 'ImagesiftBot', 'Imagesift', 'ai_training_crawler'),
  crawler('deepseekbot', 'DeepSeek', 'DeepSeek', 'ai_training_crawler'),
  crawler('petalbot', 'PetalBot', 'Petal', 'ai_search_indexer'),
];

export function findCrawler(userAgent: string): Crawler | null {
  const text = userAgent.trim().toLowerCase();
  return crawlers.find((each) => text.includes(each.token)) ?? null;
}

function crawler(token: string, name: string, family: string, category: CrawlerCategory): Crawler {
  return { token, name, family, category };
}
