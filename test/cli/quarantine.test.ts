import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, sendPageview, startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');
const REAL_TIME =
  'timestamp,c-ip,time-to-first-byte,sc-status,sc-bytes,cs-method,cs-host,cs-uri-stem,x-edge-location,x-edge-request-id,time-taken,cs-user-agent,cs-referer,cs-uri-query,sc-content-type,c-country';

let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance();
  site = await createDemoSite(instance.sql, 'quarantine.example.com');
});
afterAll(async () => {
  await instance.close();
});

function quarantine(...words: string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, [PROGRAM, 'quarantine', ...words], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], DATABASE_URL: instance.database.url },
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

async function count(table: string): Promise<number> {
  return (await instance.sql.unsafe(`SELECT FROM ${table}`)).length;
}

describe('the quarantine', () => {
  it('gives unread lines back once it is told what was missing, each as the row it would have been', async () => {
    const deliver = (query: string) =>
      ask(instance.base, `POST /api/sites/${site.siteId}/ingest/cloudfront${query}`, {
        token: site.token,
        headers: { Prefer: 'durability=postgres' },
        body: readFileSync(join(import.meta.dirname, '../formats/samples/cloudfront-realtime.tsv'), 'utf8'),
      });
    expect((await deliver('')).body).toMatchObject({ received: 5, accepted: 0, quarantined: 5 });
    const listed = quarantine('list');
    expect(listed.out).toContain('the request names no fields');
    expect(listed.out).toContain('5 line(s), 0 row(s)');
    expect(quarantine('list', '--json', '--limit', '2').out.trim().split('\n')).toHaveLength(2);
    const [first = ''] = quarantine('list', '--json').out.split('\n');
    const { id, line } = JSON.parse(first) as { id: string; line: string };
    expect(JSON.parse(quarantine('show', id).out)).toMatchObject({
      ...{ id, line, site_id: site.siteId, client_id: site.clientId, format: 'cloudfront' },
    });
    expect(quarantine('retry').out).toBe('0 stored, 0 not wanted and dropped, 5 kept as they are\n');
    expect(quarantine('retry', '--fields', REAL_TIME).out).toBe(
      '3 stored, 2 not wanted and dropped, 0 kept as they are\n',
    );
    expect([await count('ai_fetches'), await count('unread_lines')]).toEqual([3, 0]);
    // The same delivery, made right: the same rows.
    expect((await deliver(`?fields=${REAL_TIME}`)).body).toMatchObject({ accepted: 3, duplicate: 3 });
    expect(await count('ai_fetches')).toBe(3);
  });

  it('gives rows back that Postgres had refused, once it takes them', async () => {
    await instance.sql`ALTER TABLE hits ADD CONSTRAINT refuse CHECK (hostname <> 'quarantine.example.com')`;
    expect(await sendPageview(instance.base, site.token, site.domain)).toBe(202);
    await expect.poll(() => count('quarantine'), { timeout: 20_000 }).toBe(1);
    expect(quarantine('list').out).toContain('0 line(s), 1 row(s)');
    expect(quarantine('retry').out).toContain('0 stored, 0 not wanted and dropped, 1 kept');
    const [listed = ''] = quarantine('list', '--json').out.split('\n');
    const { id } = JSON.parse(listed) as { id: string };
    const shown = JSON.parse(quarantine('show', id).out) as { fields: Record<string, unknown> };
    await instance.sql`ALTER TABLE hits DROP CONSTRAINT refuse`;
    expect(quarantine('retry').out).toContain('1 stored, 0 not wanted and dropped, 0 kept');
    expect([await count('hits'), await count('quarantine')]).toEqual([1, 0]);
    // What was shown is what is stored now, but for the fewer digits of a time that JavaScript has.
    const [stored = {}] = await instance.sql<Record<string, unknown>[]>`SELECT * FROM hits`;
    const plain = JSON.parse(JSON.stringify(stored)) as Record<string, unknown>;
    for (const [column, value] of Object.entries(shown.fields))
      expect(String(value).replace(/\d{3}Z$/, 'Z'), column).toBe(String(plain[column]));
  });

  it('shows nothing for an id that it does not have, and says so', () => {
    const id = '11111111-2222-4333-8444-555555555555';
    expect(quarantine('show', id).err).toBe(`sluice: Nothing in quarantine has the id ${id}\n`);
    expect(quarantine('show', 'x').err).toContain("'x' is no id");
  });

  it('refuses a limit that is none, in one sentence', () => {
    expect(quarantine('list', '--limit', 'x')).toEqual({
      code: 1,
      out: '',
      err: 'sluice: --limit must be a whole number from 1\n',
    });
  });
});
