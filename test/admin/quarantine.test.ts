/** What could not be put where it belongs, as those who manage the site see it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addSite,
  ask,
  createPerson,
  sendPageview,
  startInstance,
  type Instance,
  type Person,
} from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const LINES = readFileSync(join(import.meta.dirname, '../formats/samples/cloudfront-realtime.tsv'), 'utf8');

interface Kept {
  readonly id: string;
  readonly kind: string;
  readonly reason: string;
  readonly line?: string;
  readonly record?: Readonly<Record<string, unknown>>;
}

let instance: Instance;
let site: DemoSite;
let owner: Person;

beforeAll(async () => {
  instance = await startInstance();
  site = await createDemoSite(instance.sql, 'kept.example.com');
  owner = await createPerson(instance.sql, 'owner');
});
afterAll(async () => {
  await instance.close();
});

async function list(
  query = '',
  siteId = site.siteId,
): Promise<{ kept: readonly Kept[]; next: string | null }> {
  const answer = await ask(instance.base, `GET /api/sites/${siteId}/quarantine${query}`, {
    cookie: owner.cookie,
  });
  expect(answer.status).toBe(200);
  const next = /\?([^>]*)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1] ?? null;
  return { kept: answer.body as readonly Kept[], next };
}

describe('the quarantine of a site', () => {
  it('has lines that nobody could read and records that Postgres refused, newest first, each once', async () => {
    // Without its fields, nobody can tell what the columns are.
    const delivered = await ask(instance.base, `POST /api/sites/${site.siteId}/ingest/cloudfront`, {
      token: site.token,
      body: LINES,
    });
    expect(delivered.body).toMatchObject({ accepted: 0, quarantined: 5 });
    await expect.poll(async () => (await list()).kept.length, { timeout: 20_000 }).toBe(5);
    await instance.sql`ALTER TABLE hits ADD CONSTRAINT refuse CHECK (hostname <> 'kept.example.com')`;
    expect(await sendPageview(instance.base, site.token, site.domain)).toBe(202);
    await expect.poll(async () => (await list()).kept.length, { timeout: 20_000 }).toBe(6);

    const { kept } = await list();
    expect(kept[0]).toMatchObject({
      kind: 'record',
      format: 'hits',
      client_id: site.clientId,
      record: { hostname: site.domain, site_id: site.siteId, path: '/', user_agent: 'Firefox' },
    });
    expect(kept[0]?.reason).toContain('refuse');
    expect(kept.slice(1).map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'line'));
    expect(LINES).toContain(kept[1]?.line);

    const paged: Kept[] = [];
    for (let query: string | null = 'limit=1'; query !== null;) {
      const page = await list(`?${query}`);
      paged.push(...page.kept);
      query = page.next;
    }
    expect(paged).toEqual(kept);
  });

  it("has nothing of another site's", async () => {
    const other = await addSite(instance.sql, await readTeam());
    expect((await list('', other.id)).kept).toEqual([]);
  });

  it('shows an entry that nobody can read as it is', async () => {
    await instance.sql`
      INSERT INTO quarantine (id, table_name, site_id, client_id, sqlstate, reason, entry)
      VALUES (gen_random_uuid(), 'hits', ${site.siteId}, ${site.clientId}, '22000', 'odd', '\\x01ff')`;
    const [first] = (await list()).kept;
    expect(first).toMatchObject({ reason: 'odd', record: { entry: '\\x01ff' } });
  });

  it('takes no limit and no cursor that is none', async () => {
    for (const query of ['limit=0', 'limit=201', 'cursor=x', 'before=1']) {
      const answer = await ask(instance.base, `GET /api/sites/${site.siteId}/quarantine?${query}`, {
        cookie: owner.cookie,
      });
      expect(answer.status).toBe(400);
    }
  });
});

async function readTeam(): Promise<string> {
  const [row] = await instance.sql<{ id: string }[]>`
    SELECT tenant_id AS id FROM sites WHERE id = ${site.siteId}`;
  return row?.id ?? '';
}
