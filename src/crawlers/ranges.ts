/**
 * Whether a crawler that names itself comes from where its vendor says that it comes from: by the address ranges that
 * vendors publish. A name that is in use without published ranges, or whose ranges are not all there, is not judged. Pure.
 */
import { BlockList, isIP } from 'node:net';

export interface RangeSource {
  readonly url: string;
  /** Of the crawlers that come from these ranges; a crawler may come from those of several sources. */
  readonly tokens: readonly string[];
}

/** As the vendors' own pages name them. */
export const rangeSources: readonly RangeSource[] = [
  { url: 'https://openai.com/gptbot.json', tokens: ['gptbot'] },
  { url: 'https://openai.com/searchbot.json', tokens: ['oai-searchbot'] },
  { url: 'https://openai.com/chatgpt-user.json', tokens: ['chatgpt-user'] },
  { url: 'https://openai.com/adsbot.json', tokens: ['oai-adsbot'] },
  {
    url: 'https://claude.com/crawling/bots.json',
    tokens: ['claudebot', 'claude-searchbot', 'claude-user'],
  },
  { url: 'https://www.perplexity.com/perplexitybot.json', tokens: ['perplexitybot'] },
  { url: 'https://www.perplexity.com/perplexity-user.json', tokens: ['perplexity-user', 'perplexityuser'] },
  { url: google('common-crawlers.json'), tokens: ['googleother', 'google-cloudvertexbot'] },
  { url: google('special-crawlers.json'), tokens: ['google-safety'] },
  { url: google('user-triggered-agents.json'), tokens: ['google-agent'] },
  { url: google('user-triggered-fetchers.json'), tokens: ['google-notebooklm'] },
  { url: google('user-triggered-fetchers-google.json'), tokens: ['google-notebooklm'] },
  { url: 'https://index.commoncrawl.org/ccbot.json', tokens: ['ccbot'] },
];

export interface PublishedRanges {
  readonly url: string;
  /** When they were fetched, RFC 3339. */
  readonly fetched_at: string;
  /** `192.0.2.0/24`, `2001:db8::/32`. */
  readonly prefixes: readonly string[];
}

/** True: from a published range. False: from none of them. Null: nobody can tell. */
export type IsVerified = (token: string, address: string) => boolean | null;

/** The prefixes of a vendor's document, `{prefixes: [{ipv4Prefix} | {ipv6Prefix} | "…"]}`; null: it is not one. */
export function readPrefixes(document: unknown): readonly string[] | null {
  if (typeof document !== 'object' || document === null || !('prefixes' in document)) return null;
  if (!Array.isArray(document.prefixes) || document.prefixes.length === 0) return null;
  const found = document.prefixes.map((each: unknown) => readPrefix(each));
  return found.every((prefix) => prefix !== null) ? found : null;
}

/** Sources that are not known are passed over. */
export function createVerifier(lists: readonly PublishedRanges[]): IsVerified {
  const byUrl = new Map(lists.map((list) => [list.url, list.prefixes]));
  const ranges = new Map<string, BlockList>();
  const incomplete = new Set<string>();
  for (const { url, tokens } of rangeSources) {
    const prefixes = byUrl.get(url);
    for (const token of tokens) {
      if (prefixes === undefined) incomplete.add(token);
      else ranges.set(token, addPrefixes(ranges.get(token) ?? new BlockList(), prefixes));
    }
  }
  return (token, address) => {
    const known = ranges.get(token);
    if (known === undefined) return null;
    const zone = address.indexOf('%');
    const bare = zone === -1 ? address : address.slice(0, zone);
    if (known.check(bare, isIP(bare) === 6 ? 'ipv6' : 'ipv4')) return true;
    return incomplete.has(token) ? null : false;
  };
}

function google(file: string): string {
  return `https://developers.google.com/static/crawling/ipranges/${file}`;
}

function readPrefix(entry: unknown): string | null {
  const text =
    typeof entry === 'object' && entry !== null
      ? Object.entries(entry).find(([key]) => key === 'ipv4Prefix' || key === 'ipv6Prefix')?.[1]
      : entry;
  return typeof text === 'string' && splitPrefix(text) !== null ? text : null;
}

function splitPrefix(prefix: string): { net: string; bits: number; family: 'ipv4' | 'ipv6' } | null {
  const [net = '', bits = '', ...rest] = prefix.split('/');
  const version = isIP(net);
  if (version === 0 || net.includes('%') || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return null;
  if (Number(bits) > (version === 4 ? 32 : 128)) return null;
  return { net, bits: Number(bits), family: version === 4 ? 'ipv4' : 'ipv6' };
}

function addPrefixes(list: BlockList, prefixes: readonly string[]): BlockList {
  for (const prefix of prefixes) {
    const parts = splitPrefix(prefix);
    if (parts !== null) list.addSubnet(parts.net, parts.bits, parts.family);
  }
  return list;
}
