/**
 * A page and the files below it, such as GET /console: anybody's, since they hold nothing but the program; what it shows
 * comes from the API, with the cookie of whoever is signed in. Nothing is loaded from elsewhere, nothing inline is run.
 */
import { createProblem } from '../http/problem.ts';
import type { Reply, Request, Route } from '../http/request.ts';
import { encodings, type Assets, type Encoding } from './assets.ts';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const HEADERS = [
  ['Content-Security-Policy', POLICY],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'same-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  // Asked for again each time, and sent again only when it has changed.
  ['Cache-Control', 'no-cache'],
  ['Vary', 'Accept-Encoding'],
] as const;

const UNKNOWN = createProblem('path_unknown', { detail: 'The page has no such file.' });

/**
 * `root`: of the page, '/console'; its files are below. `load`: called at the first request, since making them takes memory
 * that a gateway without visitors need not have; and again when it has failed.
 */
export function createPageRoutes(root: string, load: () => Promise<Assets>): readonly Route[] {
  let assets: Promise<Assets> | null = null;

  function readAssets(): Promise<Assets> {
    if (assets !== null) return assets;
    assets = load();
    assets.catch(() => {
      assets = null;
    });
    return assets;
  }

  async function handle(request: Request): Promise<Reply> {
    const asset = (await readAssets()).get(request.path.replace(/\/$/, ''));
    if (asset === undefined) return UNKNOWN;
    const encoding = chooseEncoding(request.fields['accept-encoding'] ?? '');
    const { etag, body } = asset.versions[encoding];
    const headers = [...HEADERS, ['ETag', etag]] as const;
    if (isKnown(request.fields['if-none-match'] ?? '', etag))
      return { status: '304 Not Modified', headers, body: '' };
    return {
      status: '200 OK',
      headers: [
        ...headers,
        ['Content-Type', asset.type],
        ...(encoding === 'identity' ? [] : [['Content-Encoding', encoding] as const]),
      ],
      body,
    };
  }

  return [root, `${root}/*`].map((path) => ({
    method: 'GET',
    path,
    bodyBytesMax: 0,
    fields: ['accept-encoding', 'if-none-match'],
    handle,
  }));
}

/** The smallest one that the browser names and does not forbid. */
function chooseEncoding(accepted: string): Encoding {
  const named = accepted
    .toLowerCase()
    .split(',')
    .filter((part) => !/;\s*q=0(\.0*)?\s*$/.test(part))
    .map((part) => part.split(';')[0]?.trim());
  return encodings.find((encoding) => named.includes(encoding)) ?? 'identity';
}

function isKnown(wanted: string, etag: string): boolean {
  return wanted.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
