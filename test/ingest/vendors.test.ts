/** Fastly, Vercel, Netlify and Akamai: from a delivery, as each sends it, to rows. */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const SECRET = 'a secret of a drain';
let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance({
    SLUICE_VERCEL_SECRET: SECRET,
    SLUICE_VERCEL_VERIFY: 'verify-me',
    SLUICE_FASTLY_SERVICE_IDS: 'SU1Z0isxPaozGVKXdv0eY, other',
  });
});
afterAll(() => instance.close());
beforeEach(async () => {
  site = await createDemoSite(instance.sql, `${randomUUID()}.example.com`);
});

const sample = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../formats/samples', name));
const sign = (body: Buffer): string => createHmac('sha1', SECRET).update(body).digest('hex');

const deliver = (path: string, body: Buffer, headers: Record<string, string>): Promise<Response> =>
  fetch(`${instance.base}/api/sites/${site.siteId}/ingest/${path}`, {
    method: 'POST',
    headers: { Prefer: 'durability=postgres', ...headers },
    body,
  });

const bearer = (): Record<string, string> => ({ Authorization: `Bearer ${site.token}` });
const basic = (token: string): string => `Basic ${Buffer.from(`anyone:${token}`).toString('base64')}`;

async function countRows(): Promise<{ fetches: number; hits: number; unread: number }> {
  const [row] = await instance.sql<{ fetches: number; hits: number; unread: number }[]>`
    SELECT (SELECT count(*)::int FROM ai_fetches WHERE site_id = ${site.siteId}) AS fetches,
           (SELECT count(*)::int FROM hits WHERE site_id = ${site.siteId}) AS hits,
           (SELECT count(*)::int FROM unread_lines WHERE site_id = ${site.siteId}) AS unread`;
  return row ?? { fetches: -1, hits: -1, unread: -1 };
}

describe.each([
  ['fastly', 'fastly.ndjson', 3, { no_status: 1, not_ai: 1 }, 202],
  ['netlify', 'netlify.ndjson', 3, { not_a_request: 1, no_status: 1, not_ai: 1 }, 202],
  ['akamai', 'akamai.ndjson', 3, { no_status: 1, not_ai: 1 }, 202],
  // One request left two lines.
  ['vercel', 'vercel.json', 4, { not_a_request: 1, no_status: 1, not_ai: 1 }, 200],
])('a delivery of %s', (format, name, accepted, skipped, status) => {
  const headersFor = (body: Buffer): Record<string, string> => ({
    ...bearer(),
    'x-vercel-signature': sign(body),
  });

  it('is three AI fetches; sent again, it is the same rows', async () => {
    const body = sample(name);
    const answer = await deliver(format, body, headersFor(body));
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ accepted, ai_fetches: accepted, skipped, rejected: 0 });
    const again = await deliver(format, body, headersFor(body));
    expect(await again.json()).toMatchObject({ accepted, duplicate: accepted });
    expect(await countRows()).toEqual({ fetches: 3, hits: 0, unread: 0 });
    const [row] = await instance.sql`
      SELECT * FROM ai_fetches WHERE site_id = ${site.siteId} ORDER BY timestamp LIMIT 1`;
    expect(row).toMatchObject({
      timestamp: new Date('2026-10-12T12:00:05.123Z'),
      path: '/guides/ai-visibility/',
      hostname: 'www.example.com',
      status_code: 200,
      assistant_name: 'GPTBot',
    });
  });

  it('with pageviews has one more, and what cannot be read is kept', async () => {
    const lines = sample(name).toString();
    const broken = name.endsWith('.json') ? lines.replace('[', '[7,') : `${lines}nonsense\n`;
    const body = gzipSync(broken);
    const answer = await deliver(`${format}?pageviews=1`, body, {
      ...headersFor(body),
      'Content-Encoding': 'gzip',
    });
    expect(answer.status).toBe(status);
    expect(await countRows()).toEqual({ fetches: 3, hits: 1, unread: 1 });
  });
});

describe('Vercel', () => {
  it('must have signed what it sends, over the body as sent, and hears the code of its form', async () => {
    const body = sample('vercel.json');
    for (const signature of ['', 'zz', sign(Buffer.from('other')), sign(body).slice(2)]) {
      const answer = await deliver('vercel', body, { ...bearer(), 'x-vercel-signature': signature });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'signature_invalid', field: 'x-vercel-signature' });
    }
    expect(await countRows()).toEqual({ fetches: 0, hits: 0, unread: 0 });
    const good = await deliver('vercel', body, { ...bearer(), 'x-vercel-signature': sign(body) });
    expect([good.status, good.headers.get('x-vercel-verify')]).toEqual([200, 'verify-me']);
    const probe = await fetch(`${instance.base}/api/sites/${site.siteId}/ingest/vercel`);
    expect([probe.status, probe.headers.get('x-vercel-verify')]).toEqual([200, 'verify-me']);
  });

  it('needs a token beside the signature', async () => {
    const body = sample('vercel.json');
    expect((await deliver('vercel', body, { 'x-vercel-signature': sign(body) })).status).toBe(401);
  });
});

describe('Fastly', () => {
  it('gets the hash of every service that may send here', async () => {
    const answer = await fetch(`${instance.base}/.well-known/fastly/logging/challenge`);
    const hash = (id: string): string => createHash('sha256').update(id).digest('hex');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(`${hash('SU1Z0isxPaozGVKXdv0eY')}\n${hash('other')}\n`);
  });

  it('gets none where none is configured', async () => {
    const plain = await startInstance({}, instance.database);
    const answer = await fetch(`${plain.base}/.well-known/fastly/logging/challenge`);
    expect(answer.status).toBe(404);
    await plain.close();
  });
});

describe('a token as a password', () => {
  it('is the token, whatever the user; a wrong one is refused', async () => {
    const body = sample('akamai.ndjson');
    expect((await deliver('akamai', body, { Authorization: basic(site.token) })).status).toBe(202);
    expect((await deliver('akamai', body, { Authorization: basic('nobody') })).status).toBe(401);
    expect((await deliver('akamai', body, { Authorization: 'Basic !' })).status).toBe(401);
  });
});
