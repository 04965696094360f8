/** The console's files: what browsers are told about them, and that nothing else is served. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodings, loadAssets, type Assets } from '../../src/console/assets.ts';
import { ask, startInstance, type Instance } from '../setup/administration.ts';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

let instance: Instance;
let assets: Assets;

beforeAll(async () => {
  instance = await startInstance();
  assets = await loadAssets(null);
});
afterAll(async () => {
  await instance.close();
});

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Without fetch, which would decompress. */
function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(instance.base + path, { headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('a file of the console', () => {
  it('comes with the whole policy, whatever it is', async () => {
    for (const path of assets.keys()) {
      const { status, headers } = await get(path);
      expect({ path, status }).toEqual({ path, status: 200 });
      expect(headers).toMatchObject({
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-cache',
        vary: 'Accept-Encoding',
      });
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  it('is the same in every encoding that is asked for', async () => {
    const plain = await get('/console/main.ts');
    const gzip = await get('/console/main.ts', { 'Accept-Encoding': 'gzip, deflate' });
    const br = await get('/console/main.ts', { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(br.headers['content-encoding']).toBe('br');
    expect(gunzipSync(gzip.body)).toEqual(plain.body);
    expect(brotliDecompressSync(br.body)).toEqual(plain.body);
    expect(new Set([plain, gzip, br].map(({ headers }) => headers['etag'])).size).toBe(3);
    const forbidden = await get('/console/main.ts', { 'Accept-Encoding': 'br;q=0, gzip;q=0.0' });
    expect(forbidden.headers['content-encoding']).toBeUndefined();
  });

  it('is not sent again to whoever has it', async () => {
    const first = await get('/console', { 'Accept-Encoding': 'br' });
    const etag = String(first.headers['etag']);
    const again = await get('/console', { 'Accept-Encoding': 'br', 'If-None-Match': `"x", W/${etag}` });
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(again.headers['etag']).toBe(etag);
    expect(again.headers['content-security-policy']).toBe(POLICY);
    expect((await get('/console', { 'If-None-Match': etag })).status).toBe(200);
  });

  it.each([
    '/console/nothing.ts',
    '/console/tsconfig.json',
    '/console/../console.ts',
    '/console/%2e%2e/console.ts',
    '/console/packages/preact',
    '/console/packages/../../package.json',
    '/console/base',
    '/consol',
  ])('is none of those that are not listed: %s', async (path) => {
    const { status, headers } = await get(path);
    expect(status).toBe(404);
    expect(headers['content-type']).toBe('application/problem+json');
  });

  it('cannot be posted to', async () => {
    expect((await ask(instance.base, 'POST /console')).status).toBe(405);
    expect((await ask(instance.base, 'POST /console/main.ts')).status).toBe(405);
  });
});

describe('the page', () => {
  const text = (path: string): string => assets.get(path)?.versions.identity.body.toString() ?? '';

  it('has nothing inline, and names nothing of another origin', () => {
    const page = text('/console');
    expect(page).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc="\/console\/)/);
    const named = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !assets.has(path))).toEqual([]);
  });

  it('has scripts without types whose imports are all served', () => {
    for (const [path, asset] of assets) {
      if (!asset.type.startsWith('text/javascript')) continue;
      const imports = [...text(path).matchAll(/^(?:import|export)\b[^;'"()=]*["']([^"']+)["']/gm)].map(
        (match) => new URL(match[1] ?? '', `http://sluice${path}`).pathname,
      );
      expect({ path, unknown: imports.filter((one) => !assets.has(one)) }).toEqual({ path, unknown: [] });
      expect(text(path)).not.toMatch(/^import type|^export interface|sourceMappingURL/m);
    }
  });

  it('keeps every line of a script where it was', () => {
    const source = readFileSync('src/console/page/app.ts', 'utf8');
    expect(text('/console/app.ts').split('\n')).toHaveLength(source.split('\n').length);
  });

  it('says where records go when that is another port', async () => {
    const other = await loadAssets(8081);
    const page = other.get('/console')?.versions.identity.body.toString();
    expect(page).toContain('<body data-records-port="8081">');
    expect(text('/console')).toContain('<body data-records-port="">');
  });

  it('is small: all of it, compressed, is less than 100 kB', () => {
    const bytes = [...assets.values()].reduce((sum, { versions }) => sum + versions.br.body.length, 0);
    expect(bytes).toBeLessThan(100_000);
    expect(encodings).toContain('br');
  });
});

describe('with the administration on a port of its own, or off', () => {
  it('the console is where the administration is', async () => {
    const apart = await startInstance({ SLUICE_ADMIN_PORT: '0' }, instance.database);
    const admin = `http://127.0.0.1:${apart.gateway.adminPort ?? 0}`;
    expect((await ask(admin, 'GET /console')).status).toBe(200);
    expect((await ask(apart.base, 'GET /console')).status).toBe(404);
    await apart.close();
    const off = await startInstance({ SLUICE_ADMIN_PORT: 'off' }, instance.database);
    expect((await ask(off.base, 'GET /console')).status).toBe(404);
    await off.close();
  });
});
