/**
 * The console's files as browsers get them, made at the first visit and kept in memory: TypeScript without its types, the
 * few packages by an allow-list, each compressed and with an ETag. Nothing else on the disk can be asked for.
 *
 * The types are stripped by the library that Node itself has for the gateway's own files; lines and columns stay where
 * they were. Packages are named by paths, since a page under this content security policy can have no import map.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { transformSync } from 'amaro';

export const encodings = ['br', 'gzip', 'identity'] as const;
export type Encoding = (typeof encodings)[number];

export interface Asset {
  readonly type: string;
  readonly versions: Readonly<Record<Encoding, { readonly etag: string; readonly body: Buffer }>>;
}

/** By path: '/console', '/console/main.ts'. */
export type Assets = ReadonlyMap<string, Asset>;

const PAGE = join(import.meta.dirname, 'page');
const ROOT = '/console';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** What an import names -> package, file in it, and the name it is served by. */
const PACKAGES = {
  preact: ['preact', 'dist/preact.mjs', 'preact.js'],
  'preact/hooks': ['preact', 'hooks/dist/hooks.mjs', 'preact-hooks.js'],
  htm: ['htm', 'dist/htm.mjs', 'htm.js'],
  uplot: ['uplot', 'dist/uPlot.esm.js', 'uplot.js'],
} as const;
const STYLES = { uplot: ['uplot', 'dist/uPlot.min.css', 'uplot.css'] } as const;

/** `recordsPort`: where records go, when that is not the console's own port. Throws when a file is missing. */
export async function loadAssets(recordsPort: number | null): Promise<Assets> {
  const names = await listFiles(PAGE);
  const own = names.map(async (name) => [name, await readFile(join(PAGE, name), 'utf8')] as const);
  const foreign = [...Object.values(PACKAGES), ...Object.values(STYLES)].map(
    async ([name, file, served]) => [`packages/${served}`, await readPackage(name, file)] as const,
  );
  const texts = new Map([...(await Promise.all(own)), ...(await Promise.all(foreign))]);
  const scripts = [...texts.keys()].filter((name) => TYPES[extname(name)]?.startsWith('text/javascript'));
  const { transformSync: transform } = await import('amaro');
  const finish = { scripts, recordsPort, transform };
  const prepared = [...texts].map(async ([name, text]) => {
    const path = name === 'index.html' ? ROOT : `${ROOT}/${name}`;
    return [path, await prepareAsset(name, finishText(name, text, finish))] as const;
  });
  return new Map(await Promise.all(prepared));
}

async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined)
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

/** The text of a file of an installed package. */
export async function readPackage(name: string, file: string): Promise<string> {
  const manifest = findPackageJSON(name, import.meta.url);
  if (manifest === undefined) throw new Error(`The pages need the package ${name}: run npm ci.`);
  return readFile(join(dirname(manifest), file), 'utf8');
}

interface Finish {
  readonly scripts: readonly string[];
  readonly recordsPort: number | null;
  readonly transform: typeof transformSync;
}

function finishText(name: string, text: string, { scripts, recordsPort, transform }: Finish): string {
  switch (extname(name)) {
    case '.ts':
      return nameByPath(transform(text, { mode: 'strip-only' }).code);
    case '.js':
      return nameByPath(text.replace(/\/\/# sourceMappingURL=.*/, ''));
    case '.html':
      return text
        .replace('<!-- modules -->', scripts.map((script) => printPreload(script)).join('\n    '))
        .replace('data-records-port=""', `data-records-port="${recordsPort ?? ''}"`);
    default:
      return text;
  }
}

/** Imports of packages, which a browser cannot resolve by name. */
function nameByPath(script: string): string {
  return script.replaceAll(
    /(\bfrom\s*)(['"])([\w/]+)\2/g,
    (whole, from: string, quote: string, name: string) =>
      name in PACKAGES
        ? `${from}${quote}${ROOT}/packages/${PACKAGES[name as keyof typeof PACKAGES][2]}${quote}`
        : whole,
  );
}

/** All modules at once, instead of one import after another. */
function printPreload(script: string): string {
  return `<link rel="modulepreload" href="${ROOT}/${script}" />`;
}

const compressWithBrotli = promisify(brotliCompress);
const compressWithGzip = promisify(gzip);
/** Half the time of the best quality, for a hundredth more bytes. */
const BROTLI_QUALITY = 9;

/** `name`: with the ending that tells its type. */
export async function prepareAsset(name: string, text: string): Promise<Asset> {
  const identity = Buffer.from(text);
  const digest = createHash('sha256').update(identity).digest('base64url').slice(0, 22);
  const br = await compressWithBrotli(identity, {
    params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
  });
  return {
    type: TYPES[extname(name)] ?? '',
    versions: {
      br: { etag: `"${digest}-br"`, body: br },
      gzip: { etag: `"${digest}-gzip"`, body: await compressWithGzip(identity) },
      identity: { etag: `"${digest}"`, body: identity },
    },
  };
}
