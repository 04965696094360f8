/**
 * What the package `crawler-user-agents` (MIT, kept up by its authors) tags as AI crawlers, as literal tokens. Patterns
 * with real regular expressions are left out, and so are words that would fit ordinary user agents. Pure.
 */
import upstream from 'crawler-user-agents';
import type { Crawler } from './overlay.ts';

/** Generic words, link previews, and names that stand in other agents' comments. */
const REFUSED = new Set(
  [
    'agent agents assistant browser chat client code crawl crawler curl fetch fetcher http https index java',
    'mozilla node python robot scan scraper search spider wget facebookexternalhit',
    'cursor operator trae devin openai',
  ].flatMap((line) => line.split(' ')),
);
const LENGTH_MIN = 4;
const PRINTABLE = /^[\x20-\x7e]+$/;

/** The package's types leave out its tags. */
const patterns = upstream as readonly { readonly pattern: string; readonly tags?: readonly string[] }[];

export const upstreamCrawlers: readonly Crawler[] = patterns.flatMap(({ pattern, tags = [] }) => {
  if (!tags.includes('ai-crawler')) return [];
  const name = readLiteral(pattern);
  if (name === null) return [];
  const category = tags.includes('search-engine') ? 'ai_search_indexer' : 'other_ai';
  return [{ token: name.toLowerCase(), name, family: name, category }];
});

/**
 * The text that a pattern stands for; null: it stands for more than one, or for one that is refused. A '/' or '-' at its
 * end is cut: it would make the token longer than the same crawler's better known one, and so win over it.
 */
export function readLiteral(pattern: string): string | null {
  const bare = pattern.replaceAll(/\\[./\-_]/g, '');
  if (/[\\[\](){}*+?|^$.]/.test(bare)) return null;
  const literal = pattern
    .replaceAll('\\', '')
    .replace(/[/-]+$/, '')
    .trim();
  const isSound = literal.length >= LENGTH_MIN && PRINTABLE.test(literal) && !/['%"]/.test(literal);
  return isSound && !REFUSED.has(literal.toLowerCase()) ? literal : null;
}
