/** Fastly, Vercel, Netlify and Akamai: from a delivery, as each sends it, to rows. */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const SECRET = 'a secret of a drain';
const OTHER_SECRET = 'that of another drain';
let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance({
    SLUICE_VERCEL_SECRET: `${SECRET}, ${OTHER_SECRET}`,
    SLUICE_VERCEL_VERIFY: 'verify-me',
    SLUICE_FASTLY_SERVICE_IDS: 'SU1Z0isxPaozGVKXdv0eY, other',
  });
});
afterAll(() => instance.close());
beforeEach(async () => {
  site = await createDemoSite(instance.sql, `${randomUUID()}.example.com`);
});

const sample = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../formats/samples', name));
const sign = (body: Buffer, secret = SECRET): string => createHmac('sha1', secret).update(body).digest('hex');

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

  it('may sign with the secret of any drain, and before it compresses', async () => {
    const body = sample('vercel.json');
    const zipped = gzipSync(body);
    const encoding = { 'Content-Encoding': 'gzip' };
    for (const [sent, signature, headers] of [
      [body, sign(body, OTHER_SECRET), {}],
      [zipped, sign(zipped), encoding],
      [zipped, sign(body), encoding],
    ] as const) {
      const answer = await deliver('vercel', sent, {
        ...bearer(),
        ...headers,
        'x-vercel-signature': signature,
      });
      expect(answer.status).toBe(200);
    }
    const other = { ...bearer(), ...encoding, 'x-vercel-signature': sign(gzipSync('[]')) };
    expect((await deliver('vercel', zipped, other)).status).toBe(401);
  });

  it('hears the code of its form whatever the answer', async () => {
    const body = sample('vercel.json');
    for (const headers of [{}, bearer(), { Authorization: 'Bearer nobody' }]) {
      const answer = await deliver('vercel', body, headers);
      expect([answer.status, answer.headers.get('x-vercel-verify')]).toEqual([401, 'verify-me']);
    }
    const elsewhere = await deliver('netlify', body, bearer());
    expect(elsewhere.headers.get('x-vercel-verify')).toBe(null);
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

describe('Netlify', () => {
  it('may have the token in its URL, which is all that its form has', async () => {
    const body = sample('netlify.ndjson');
    expect((await deliver(`netlify?token=${site.token}&pageviews=1`, body, {})).status).toBe(202);
    expect(await countRows()).toEqual({ fetches: 3, hits: 1, unread: 0 });
    expect((await deliver('netlify?token=nobody', body, {})).status).toBe(401);
    // A header is looked at first.
    const headed = await deliver(`netlify?token=${site.token}`, body, { Authorization: 'Bearer nobody' });
    expect(headed.status).toBe(401);
  });

  it('alone may', async () => {
    for (const format of ['fastly', 'vercel', 'akamai', 'cloudflare'])
      expect((await deliver(`${format}?token=${site.token}`, Buffer.from('[]'), {})).status).toBe(401);
  });
});

describe("a vendor's test of a new destination", () => {
  it.each([
    ['fastly', '', 202],
    ['fastly', '[]', 202],
    ['vercel', '[]', 200],
    ['netlify', '', 202],
    ['akamai', '', 202],
    ['akamai', '{"test":true}', 202],
  ])('%s with %j is taken, and is no row', async (format, text, status) => {
    const body = Buffer.from(text);
    const answer = await deliver(format, body, {
      ...bearer(),
      'Content-Type': 'text/plain',
      'x-vercel-signature': sign(body),
    });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ accepted: 0, quarantined: 0, rejected: 0 });
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
