/**
 * An absolute http(s) URL -> hostname and path, as Go's net/url splits it: no dot segments resolved, escapes kept as
 * they are, the query word for word, the fragment dropped. Pure.
 */

export interface SplitUrl {
  /** Lower-case, without port and without one leading 'www.'. */
  readonly hostname: string;
  /** The same with 'www.' kept. */
  readonly host: string;
  /** Escaped; '/' if empty; with '?query' when there is one. */
  readonly path: string;
  /** Without '?'; '' when there is none. */
  readonly query: string;
}

const SCHEME = /^https?:\/\//i;
const PLAIN_AUTHORITY = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{0,5})?$/i;
const PLAIN_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]]*$/;
// Go's parser refuses control characters.
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Null when it is none. */
export function splitUrl(text: string): SplitUrl | null {
  if (CONTROL.test(text)) return null;
  const start = text.startsWith('https://') ? 8 : (SCHEME.exec(text)?.[0].length ?? -1);
  if (start === -1) return null;
  const end = before(text, '#', start, text.length);
  const queryStart = before(text, '?', start, end);
  const pathStart = before(text, '/', start, queryStart);
  const host = readHost(text.slice(start, pathStart));
  const rawPath = text.slice(pathStart, queryStart);
  const path = PLAIN_PATH.test(rawPath) ? rawPath : escapePath(rawPath);
  if (host === null || path === null) return null;
  return {
    hostname: host.startsWith('www.') ? host.slice(4) : host,
    host,
    path: (path === '' ? '/' : path) + text.slice(queryStart, end),
    query: text.slice(queryStart + 1, end),
  };
}

/** Where a character first stands in [start, end); `end` when it does not. */
function before(text: string, character: string, start: number, end: number): number {
  const found = text.indexOf(character, start);
  return found === -1 || found > end ? end : found;
}

function readHost(authority: string): string | null {
  if (PLAIN_AUTHORITY.test(authority)) {
    const colon = authority.indexOf(':');
    if (colon === -1) return authority.toLowerCase();
    return Number(authority.slice(colon + 1)) > 65_535 ? null : authority.slice(0, colon).toLowerCase();
  }
  // Rare: user info, IPv6, names beyond ASCII. `URL` knows; the path is kept from it, since it would change it.
  const url = URL.canParse(`http://${authority}/`) ? new URL(`http://${authority}/`) : null;
  if (url === null || url.pathname !== '/') return null;
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** Escapes what may not stand in a path; keeps the escapes that are there. Null when one of them is broken. */
function escapePath(path: string): string | null {
  if (/%(?![0-9a-f]{2})/i.test(path) || !path.isWellFormed()) return null;
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/[\]%]/gu, (character) =>
    [...Buffer.from(character, 'utf8')]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

export interface Campaign {
  source: string | null;
  medium: string | null;
  campaign: string | null;
  term: string | null;
  content: string | null;
  /** The text of hk_qr, unjudged. */
  qr: string | null;
}

const NO_CAMPAIGN: Campaign = {
  source: null,
  medium: null,
  campaign: null,
  term: null,
  content: null,
  qr: null,
};
const CAMPAIGN_KEYS: ReadonlyMap<string | null, keyof Campaign> = new Map([
  ['utm_source', 'source'],
  ['utm_medium', 'medium'],
  ['utm_campaign', 'campaign'],
  ['utm_term', 'term'],
  ['utm_content', 'content'],
  ['hk_qr', 'qr'],
]);

/** The first value of each key, decoded and trimmed; empty = null. A pair that cannot be decoded is passed over. */
export function readCampaign(query: string): Campaign {
  if (!query.includes('utm_') && !query.includes('hk_qr') && !query.includes('%')) return NO_CAMPAIGN;
  const campaign = { ...NO_CAMPAIGN };
  const seen: string[] = [];
  // Not by `split`: its array of pairs is dear on the way of every record.
  for (let start = 0, end = 0; start <= query.length; start = end + 1) {
    end = before(query, '&', start, query.length);
    const pair = query.slice(start, end);
    if (pair.includes(';')) continue;
    const equals = before(pair, '=', 0, pair.length);
    const target = CAMPAIGN_KEYS.get(decode(pair.slice(0, equals)));
    if (target === undefined || seen.includes(target)) continue;
    const value = decode(pair.slice(equals + 1));
    if (value === null) continue;
    seen.push(target);
    campaign[target] = value.trim() || null;
  }
  return campaign;
}

/** '+' is a space. Null when an escape is broken; bytes that are not UTF-8 become U+FFFD. */
function decode(text: string): string | null {
  if (!text.includes('%')) return text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (/%(?![0-9a-f]{2})/i.test(text)) return null;
  const plain = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(plain);
  } catch {
    const bytes = plain.replace(/%([0-9a-f]{2})|[^\u0000-\u007f]/giu, (match, hex?: string) =>
      hex === undefined
        ? Buffer.from(match, 'utf8').toString('latin1')
        : String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, 'latin1').toString('utf8');
  }
}
