/**
 * Crawlers whose vendor and purpose are known, by vendors' own documentation where there is any. First HitKeep's 22, named
 * exactly as HitKeep names them; then newer ones, and some that no public list has. A token is looked for in the
 * lower-cased user agent. Data.
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

export const hitkeepCrawlers: readonly Crawler[] = [
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

export const newerCrawlers: readonly Crawler[] = [
  crawler('oai-searchbot', 'OAI-SearchBot', 'OpenAI', 'ai_search_indexer'),
  crawler('oai-adsbot', 'OAI-AdsBot', 'OpenAI', 'other_ai'),
  crawler('claude-searchbot', 'Claude-SearchBot', 'Anthropic', 'ai_search_indexer'),
  crawler('claude-user', 'Claude-User', 'Anthropic', 'ai_assistant'),
  crawler('perplexity-user', 'Perplexity-User', 'Perplexity', 'ai_assistant'),
  crawler('perplexityuser', 'Perplexity-User', 'Perplexity', 'ai_assistant'),
  crawler('google-notebooklm', 'Google-NotebookLM', 'Google', 'ai_assistant'),
  crawler('googleagent-urlcontext', 'GoogleAgent-URLContext', 'Google', 'ai_assistant'),
  crawler('gemini-deep-research', 'Gemini-Deep-Research', 'Google', 'ai_assistant'),
  crawler('amzn-searchbot', 'Amzn-SearchBot', 'Amazon', 'ai_search_indexer'),
  crawler('amzn-user', 'Amzn-User', 'Amazon', 'ai_assistant'),
  crawler('novaact', 'NovaAct', 'Amazon', 'ai_agent'),
  crawler('bedrockbot', 'bedrockbot', 'Amazon', 'other_ai'),
  crawler('meta-webindexer', 'meta-webindexer', 'Meta', 'ai_search_indexer'),
  crawler('mistralai-user', 'MistralAI-User', 'Mistral AI', 'ai_assistant'),
  crawler('duckassistbot', 'DuckAssistBot', 'DuckDuckGo', 'ai_assistant'),
  crawler('kimi-user', 'Kimi-User', 'Moonshot AI', 'ai_assistant'),
  crawler('tongyibot', 'TongyiBot', 'Alibaba', 'ai_assistant'),
  crawler('yiyanbot', 'YiyanBot', 'Baidu', 'ai_assistant'),
  crawler('exabot', 'ExaBot', 'Exa', 'other_ai'),
  crawler('webzio-extended', 'Webzio-Extended', 'Webz.io', 'ai_training_crawler'),
  crawler('yandexadditionalbot', 'YandexAdditionalBot', 'Yandex', 'ai_training_crawler'),
  crawler('anthropic-ai', 'anthropic-ai', 'Anthropic', 'ai_training_crawler'),
  crawler('chatgpt agent', 'ChatGPT Agent', 'OpenAI', 'ai_agent'),
  crawler('google-agent', 'Google-Agent', 'Google', 'ai_agent'),
  crawler('googleagent-mariner', 'GoogleAgent-Mariner', 'Google', 'ai_agent'),
  crawler('google-cloudvertexbot', 'Google-CloudVertexBot', 'Google', 'other_ai'),
  crawler('google-gemini-cli', 'Google-Gemini-CLI', 'Google', 'ai_coding_agent'),
  crawler('claude-code', 'Claude-Code', 'Anthropic', 'ai_coding_agent'),
  crawler('amazonbuyforme', 'AmazonBuyForMe', 'Amazon', 'ai_agent'),
  crawler('facebookbot', 'FacebookBot', 'Meta', 'ai_training_crawler'),
  crawler('mistralai-index', 'MistralAI-Index', 'Mistral AI', 'ai_search_indexer'),
  crawler('mistralai-training', 'MistralAI-Training', 'Mistral AI', 'ai_training_crawler'),
  crawler('azureai-searchbot', 'AzureAI-SearchBot', 'Microsoft', 'ai_search_indexer'),
  crawler('tiktokspider', 'TikTokSpider', 'ByteDance', 'ai_training_crawler'),
  crawler('kimi-searchbot', 'Kimi-SearchBot', 'Moonshot AI', 'ai_search_indexer'),
  crawler('kimibot', 'KimiBot', 'Moonshot AI', 'ai_training_crawler'),
  crawler('exasearchbot', 'ExaSearchBot', 'Exa', 'ai_search_indexer'),
  crawler('yandexadditional', 'YandexAdditional', 'Yandex', 'ai_training_crawler'),
  crawler('manus-user', 'Manus-User', 'Butterfly Effect', 'ai_agent'),
  crawler('kagi-fetcher', 'kagi-fetcher', 'Kagi', 'ai_assistant'),
  crawler('phindbot', 'PhindBot', 'Phind', 'ai_assistant'),
  crawler('cohere-training-data-crawler', 'cohere-training-data-crawler', 'Cohere', 'ai_training_crawler'),
  crawler('pangubot', 'PanguBot', 'Huawei', 'ai_training_crawler'),
];

function crawler(token: string, name: string, family: string, category: CrawlerCategory): Crawler {
  return { token, name, family, category };
}
