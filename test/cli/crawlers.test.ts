/** Ranges fetched over HTTP, written, read by a gateway that runs, and seen in a row. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rangeSources } from '../../src/crawlers/ranges.ts';
import { openCrawlerRanges } from '../../src/ingest/enrich/ranges.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess } from '../setup/gateway.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');

let vendors: Server;
let mirror: string;
let directory: { path: string; remove: () => Promise<void> };
let database: TestDatabase;
let isBroken = false;

beforeAll(async () => {
  directory = await makeDirectory();
  database = await createDatabase();
  vendors = createServer((request, response) => {
    if (isBroken && request.url === '/m/openai.com/gptbot.json') {
      response.writeHead(500).end();
      return;
    }
    const net = request.url === '/m/openai.com/gptbot.json' ? '192.0.2.0/24' : '198.51.100.0/24';
    response.end(JSON.stringify({ prefixes: [{ ipv4Prefix: net }] }));
  });
  await new Promise<void>((resolve) => vendors.listen(0, '127.0.0.1', resolve));
  const address = vendors.address();
  mirror = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/m`;
});
afterAll(async () => {
  vendors.close();
  await database.close();
  await directory.remove();
});

function update(): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], SLUICE_DATA_DIR: directory.path };
    const words = [PROGRAM, 'crawlers', 'update', '--mirror', mirror];
    execFile(process.execPath, words, { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
    );
  });
}

describe('sluice crawlers update', () => {
  it('fetches every source, and a gateway says of a row whether its crawler is genuine', async () => {
    const { code, output } = await update();
    expect(code, output).toBe(0);
    for (const { url } of rangeSources) expect(output).toContain(`${url}  1 ranges`);
    const site = await createDemoSite(database.sql, 'example.com');
    const gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
    const expected = new Map<string, boolean | null>();
    for (const [userAgent, address, verified] of [
      ['GPTBot/1.2', '192.0.2.7', true],
      ['GPTBot/1.2', '198.51.100.7', false],
      ['Bytespider', '192.0.2.7', null],
      ['GPTBot/1.2', undefined, null],
    ] as const) {
      const id = randomUUID();
      expected.set(id, verified);
      const answer = await fetch(`${gateway.base}/api/sites/${site.siteId}/ingest/ai-fetch`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${site.token}`, Prefer: 'durability=postgres' },
        body: JSON.stringify({
          id,
          path: '/',
          status_code: 200,
          user_agent: userAgent,
          visitor_ip: address,
        }),
      });
      expect(answer.status).toBe(202);
    }
    await gateway.stop('SIGTERM');
    const rows = await database.sql<{ id: string; verified: boolean | null }[]>`
      SELECT id, verified FROM ai_fetches`;
    expect(new Map(rows.map((row) => [row.id, row.verified]))).toEqual(expected);
  });

  it('keeps the former ranges of a source that fails, and says which', async () => {
    await update();
    const before: unknown = JSON.parse(await readFile(join(directory.path, 'crawler-ranges.json'), 'utf8'));
    isBroken = true;
    const { code, output } = await update();
    isBroken = false;
    expect(code).toBe(1);
    expect(output).toContain('gptbot.json  failed: HTTP 500');
    expect(output).toContain(`1 of ${rangeSources.length} sources failed`);
    const after: unknown = JSON.parse(await readFile(join(directory.path, 'crawler-ranges.json'), 'utf8'));
    const first = (file: unknown): unknown => (file as { sources: unknown[] }).sources[0];
    expect(first(after)).toEqual(first(before));
  });
});

describe('a running gateway', () => {
  it('takes ranges that come later', async () => {
    const other = await makeDirectory();
    const ranges = await openCrawlerRanges(other.path, () => undefined);
    expect(ranges.isVerified('gptbot', '192.0.2.7')).toBeNull();
    const sources = [
      {
        url: 'https://openai.com/gptbot.json',
        fetched_at: '2026-11-01T00:00:00.000Z',
        prefixes: ['192.0.2.0/24'],
      },
    ];
    await writeFile(join(other.path, 'crawler-ranges.json'), JSON.stringify({ sources }));
    await ranges.refresh();
    expect(ranges.isVerified('gptbot', '192.0.2.7')).toBe(true);
    await writeFile(join(other.path, 'crawler-ranges.json'), '{"sources": [');
    await ranges.refresh();
    expect(ranges.isVerified('gptbot', '192.0.2.7')).toBe(true);
    ranges.close();
    await other.remove();
  });
});
