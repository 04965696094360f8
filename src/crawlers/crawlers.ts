/**
 * User agent -> AI crawler. Tokens are looked for in the lower-cased, trimmed user agent, the longest first: the most
 * specific name wins. Ours come before the public list's. Answers are kept by user agent, since real traffic repeats.
 * Pure.
 */
import { LRUCache } from 'lru-cache';
import { hitkeepCrawlers, newerCrawlers, type Crawler } from './overlay.ts';
import { upstreamCrawlers } from './upstream.ts';

export type { Crawler, CrawlerCategory } from './overlay.ts';

/** In the order in which they are looked for. */
export const crawlers: readonly Crawler[] = mergeCrawlers([
  ...hitkeepCrawlers,
  ...newerCrawlers,
  ...upstreamCrawlers,
]);

const KEPT_MAX = 10_000;
/** Longer ones are looked through each time: they must not fill the memory. */
const KEPT_LENGTH_MAX = 512;
const NONE = { crawler: null };
const kept = new LRUCache<string, { readonly crawler: Crawler | null }>({ max: KEPT_MAX });

export function findCrawler(userAgent: string): Crawler | null {
  if (userAgent.length > KEPT_LENGTH_MAX) return lookThrough(userAgent);
  const known = kept.get(userAgent);
  if (known !== undefined) return known.crawler;
  const crawler = lookThrough(userAgent);
  kept.set(userAgent, crawler === null ? NONE : { crawler });
  return crawler;
}

function lookThrough(userAgent: string): Crawler | null {
  const text = userAgent.trim().toLowerCase();
  return crawlers.find((each) => text.includes(each.token)) ?? null;
}

/** Of two with the same token the first stands; among equally long ones the order stays. */
function mergeCrawlers(list: readonly Crawler[]): readonly Crawler[] {
  const byToken = new Map<string, Crawler>();
  for (const crawler of list) if (!byToken.has(crawler.token)) byToken.set(crawler.token, crawler);
  return [...byToken.values()].toSorted((one, other) => other.token.length - one.token.length);
}
