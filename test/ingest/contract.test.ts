/** The example bodies of HitKeep's public documentation, sent as a forwarder would, and the rows that must follow. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import {
  createDemoSite,
  makeDirectory,
  startProcess,
  type DemoSite,
  type GatewayProcess,
} from '../setup/gateway.ts';

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let gateway: GatewayProcess;
let site: DemoSite;

beforeAll(async () => {
  database = await createDatabase();
  directory = await makeDirectory();
  site = await createDemoSite(database.sql, 'example.com');
  gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
});
afterAll(async () => {
  await gateway.stop('SIGTERM');
  await database.close();
  await directory.remove();
});

/** Sends with `Prefer: durability=postgres`: the row is there when the answer is. */
async function send(
  path: string,
  record: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const answer = await fetch(gateway.base + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${site.token}`, prefer: 'durability=postgres', ...headers },
    body: JSON.stringify(record),
  });
  return answer;
}

async function only<T extends object>(table: 'hits' | 'events' | 'ai_fetches', id: string): Promise<T> {
  const rows = await database.sql<T[]>`SELECT * FROM ${database.sql(table)} WHERE id = ${id}`;
  expect(rows).toHaveLength(1);
  return rows[0] as T;
}

const visit = {
  url: 'https://www.Example.com:443/docs/start?utm_source=newsletter&utm_medium=email&utm_campaign=spring+sale&utm_term=&x=1#top',
  timestamp: '2026-05-06T12:34:56.123456+02:00',
  visitor_ip: '8.8.8.8',
  user_agent: 'Mozilla/5.0 (Macintosh)',
  referrer: 'https://news.example.org/',
};

describe('a server-side pageview', () => {
  it('becomes a hit with all that follows from its url', async () => {
    const id = randomUUID();
    const session = randomUUID();
    const answer = await send('/api/ingest/server/pageview', {
      ...visit,
      id,
      url: `${visit.url.split('#')[0]}&hk_qr=0B5F6C8E-1C2D-4E3F-8A9B-0C1D2E3F4A5B`,
      viewport_width: 1280,
      viewport_height: 720,
      screen_width: 1920,
      screen_height: 1080,
      language: 'de-DE',
      session_id: session,
      utm_source: 'ignored at top level',
    });
    expect(answer.status).toBe(202);
    expect(await answer.text()).toBe('');
    expect(answer.headers.get('preference-applied')).toBe('durability=postgres');
    const row = await only<Record<string, unknown>>('hits', id);
    expect(row).toMatchObject({
      site_id: site.siteId,
      client_id: site.clientId,
      timestamp: new Date('2026-05-06T10:34:56.123Z'),
      session_id: session,
      path: '/docs/start?utm_source=newsletter&utm_medium=email&utm_campaign=spring+sale&utm_term=&x=1&hk_qr=0B5F6C8E-1C2D-4E3F-8A9B-0C1D2E3F4A5B',
      hostname: 'example.com',
      referrer: 'https://news.example.org/',
      user_agent: 'Mozilla/5.0 (Macintosh)',
      viewport_width: 1280,
      viewport_height: 720,
      screen_width: 1920,
      screen_height: 1080,
      language: 'de-DE',
      country_code: 'US',
      utm_source: 'newsletter',
      utm_medium: 'email',
      utm_campaign: 'spring sale',
      utm_term: null,
      utm_content: null,
      qr_code_id: '0b5f6c8e-1c2d-4e3f-8a9b-0c1d2e3f4a5b',
      is_unique: null,
    });
    expect(row['page_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(row)).not.toContain('8.8.8.8');
    const [exact] = await database.sql<{ us: string }[]>`
      SELECT extract(microseconds FROM timestamp)::int::text AS us FROM hits WHERE id = ${id}`;
    expect(exact?.us).toBe('56123456');
  });

  it('with the four required fields is enough, and each is a visit of its own', async () => {
    const { referrer: _referrer, ...minimal } = visit;
    const before = await database.sql`SELECT DISTINCT session_id FROM hits`;
    expect((await send('/api/ingest/server/pageview', minimal)).status).toBe(202);
    expect((await send('/api/ingest/server/pageview', minimal)).status).toBe(202);
    const after = await database.sql`SELECT DISTINCT session_id FROM hits`;
    expect(after.length - before.length).toBe(2);
  });

  it('takes its token from X-Api-Key, and Bearer in any case', async () => {
    const body = JSON.stringify(visit);
    const url = `${gateway.base}/api/ingest/server/pageview`;
    for (const headers of [
      { 'x-api-key': site.token },
      { authorization: `bEaReR   ${site.token} ` },
      { authorization: 'Basic xyz', 'x-api-key': site.token },
    ]) {
      expect(
        (await fetch(url, { method: 'POST', body, headers: headers as Record<string, string> })).status,
      ).toBe(202);
    }
  });

  it('that asks not to be tracked is taken and dropped', async () => {
    const id = randomUUID();
    expect((await send('/api/ingest/server/pageview', { ...visit, id, dnt: true })).status).toBe(202);
    expect(await database.sql`SELECT 1 FROM hits WHERE id = ${id}`).toHaveLength(0);
  });
});

describe('a server-side event', () => {
  it('becomes a row with its properties as they were sent', async () => {
    const id = randomUUID();
    const properties = { plan: 'pro', price: 12.5, tags: ['a', null, true], nested: { ü: '€' } };
    const answer = await send('/api/ingest/server/event', { ...visit, id, name: ' Signup ', properties });
    expect(answer.status).toBe(202);
    expect(await only('events', id)).toMatchObject({
      site_id: site.siteId,
      name: 'Signup',
      properties,
      hostname: 'example.com',
      referrer: 'https://news.example.org/',
      user_agent: 'Mozilla/5.0 (Macintosh)',
      country_code: 'US',
    });
  });

  it('without properties has none', async () => {
    const id = randomUUID();
    expect((await send('/api/ingest/server/event', { ...visit, id, name: 'x' })).status).toBe(202);
    expect(await only('events', id)).toMatchObject({ properties: {} });
  });
});

describe('a fetch by an AI crawler', () => {
  it('becomes a row with the crawler it was, at the time it was', async () => {
    const id = randomUUID();
    const answer = await send(`/api/sites/${site.siteId}/ingest/ai-fetch`, {
      id,
      path: 'https://WWW.example.com/pricing?x=1#y',
      status_code: 200,
      user_agent:
        'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
      content_type: 'text/html; charset=utf-8',
      response_ms: 42,
      bytes_served: 9_007_199_254_740_991,
      timestamp: '2026-01-01T00:00:00Z',
      visitor_ip: '8.8.8.8',
      method: 'get',
      referrer: 'https://example.org/',
    });
    expect(answer.status).toBe(202);
    expect(await only('ai_fetches', id)).toMatchObject({
      assistant_name: 'GPTBot',
      assistant_family: 'OpenAI',
      assistant_category: 'ai_training_crawler',
      path: '/pricing?x=1',
      hostname: 'www.example.com',
      status_code: 200,
      content_type: 'text/html; charset=utf-8',
      resource_type: 'html',
      response_ms: 42,
      bytes_served: '9007199254740991',
      timestamp: new Date('2026-01-01T00:00:00Z'),
      method: 'GET',
      referrer: 'https://example.org/',
      country_code: 'US',
    });
  });

  it('without a time is of now, and counts that are not positive are none', async () => {
    const id = randomUUID();
    const before = Date.now();
    const record = {
      id,
      path: 'robots.txt',
      status_code: 404,
      user_agent: 'ClaudeBot',
      response_ms: 0,
      bytes_served: -1,
    };
    expect((await send(`/api/sites/${site.siteId}/ingest/ai-fetch`, record)).status).toBe(202);
    const row = await only<{ timestamp: Date; path: string; response_ms: null }>('ai_fetches', id);
    expect(row).toMatchObject({
      path: '/robots.txt',
      response_ms: null,
      bytes_served: null,
      resource_type: 'html',
    });
    expect(row.timestamp.getTime()).toBeGreaterThanOrEqual(before);
  });
});

describe('a record sent again', () => {
  it('with the same id and time is the same row, across restarts', async () => {
    const id = randomUUID();
    const path = '/api/ingest/server/pageview';
    for (let time = 0; time < 3; time++) expect((await send(path, { ...visit, id })).status).toBe(202);
    await only('hits', id);
    await gateway.stop('SIGTERM');
    gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
    expect((await send(path, { ...visit, id })).status).toBe(202);
    await only('hits', id);
  });

  it('with the same Idempotency-Key is the same row; with another it is another', async () => {
    const path = '/api/ingest/server/event';
    const count = async (): Promise<number> =>
      (await database.sql`SELECT 1 FROM events WHERE name = 'keyed'`).length;
    for (const key of ['a', 'a', 'b']) {
      expect((await send(path, { ...visit, name: 'keyed' }, { 'idempotency-key': key })).status).toBe(202);
    }
    expect(await count()).toBe(2);
  });
});

describe('the largest body that can be configured', () => {
  it('is kept, although escaping trebles it', async () => {
    const own = await makeDirectory();
    const large = await startProcess({
      DATABASE_URL: database.url,
      SLUICE_DATA_DIR: own.path,
      SLUICE_BODY_MAX_BYTES: '1MiB',
      SLUICE_JOURNAL_SEGMENT_BYTES: '16MiB',
    });
    const id = randomUUID();
    const path = `/${'€'.repeat(349_000)}`;
    const answer = await fetch(`${large.base}/api/ingest/server/pageview`, {
      method: 'POST',
      headers: { authorization: `Bearer ${site.token}`, prefer: 'durability=postgres' },
      body: JSON.stringify({ ...visit, id, url: `https://example.com${path}` }),
    });
    expect(answer.status).toBe(202);
    const row = await only<{ path: string }>('hits', id);
    expect(row.path).toBe(encodeURI(path));
    expect(await large.stop('SIGTERM')).toBe(0);
    await own.remove();
  });
});

describe('the durability of an answer', () => {
  it('is named when it was asked for, and not otherwise', async () => {
    const path = '/api/ingest/server/pageview';
    expect(
      (await send(path, visit, { prefer: 'durability=journal' })).headers.get('preference-applied'),
    ).toBe('durability=journal');
    expect(
      (await send(path, visit, { prefer: 'respond-async, durability="postgres"; x=1' })).headers.get(
        'preference-applied',
      ),
    ).toBe('durability=postgres');
    expect(
      (await send(path, visit, { prefer: 'durability=memory' })).headers.get('preference-applied'),
    ).toBeNull();
    expect((await send(path, visit, { prefer: '' })).headers.get('preference-applied')).toBeNull();
  });
});

describe('health', () => {
  it('is alive, and ready with every part named', async () => {
    expect(await (await fetch(`${gateway.base}/healthz`)).text()).toBe('ok');
    const ready = await fetch(`${gateway.base}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: 'ready', unready: [], checks: { journal: 'open' } });
  });
});
