import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { detectFormat } from '../../src/cli/replay/replay.ts';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, makeDirectory, type DemoSite } from '../setup/gateway.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');
const sample = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../formats/samples', name));

let instance: Instance;
let site: DemoSite;
let directory: { path: string; remove: () => Promise<void> };
let made = 0;

beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});
beforeEach(async () => {
  site = await createDemoSite(instance.sql, `replay-${made++}.example.com`);
  directory = await makeDirectory();
  return () => directory.remove();
});

const wordsOf = (files: readonly string[], more: readonly string[], url = instance.base): string[] => [
  PROGRAM,
  'replay',
  ...files,
  '--url',
  url,
  '--site',
  site.siteId,
  '--checkpoint',
  join(directory.path, 'checkpoint.json'),
  ...more,
];

/** Runs it to its end; not in this process' way, which may be the one that answers. */
async function replay(
  files: readonly string[],
  more: readonly string[] = [],
  options: { readonly url?: string; readonly stdin?: string } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, wordsOf(files, more, options.url), {
    env: { PATH: process.env['PATH'], REPLAY_TOKEN: site.token },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  child.stdin.end(options.stdin ?? '');
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

async function countFetches(): Promise<number> {
  const [row] = await instance.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM ai_fetches WHERE site_id = ${site.siteId}`;
  return row?.count ?? 0;
}

async function put(name: string, content: Buffer | string): Promise<string> {
  const path = join(directory.path, name);
  await writeFile(path, content);
  return path;
}

/** `count` fetches by GPTBot, each a second after the other. */
function makeLog(count: number): string {
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      timestamp: new Date(Date.UTC(2026, 9, 1) + index * 1000).toISOString(),
      id: `request-${index}`,
      hostname: 'www.example.com',
      path: `/page/${index}`,
      method: 'GET',
      status_code: 200,
      user_agent: 'GPTBot/1.2',
    }),
  );
  return `${lines.join('\n')}\n`;
}

describe('a replay', () => {
  it('sends files and folders, packed or not, and says what became of the lines', async () => {
    const folder = join(directory.path, 'logs');
    await mkdir(folder);
    await writeFile(join(folder, 'a.log'), sample('cloudfront-v1.log'));
    await writeFile(join(folder, 'b.gz'), gzipSync(sample('cloudfront-v2.ndjson')));
    await writeFile(join(folder, 'c.zst'), zstdCompressSync(Buffer.from(makeLog(10))));
    const done = await replay([folder]);
    expect(done).toMatchObject({
      code: 0,
      out: '20 lines: 16 accepted (0 were there), 4 skipped, 0 quarantined, 0 rejected\n',
    });
    expect(await countFetches()).toBe(16);
  });

  it('run again sends nothing, and without its checkpoint makes no row twice', async () => {
    const file = await put('a.log', makeLog(100));
    expect((await replay([file])).out).toContain('100 lines: 100 accepted (0 were there)');
    expect((await replay([file])).out).toContain('0 lines: 0 accepted');
    await put('checkpoint.json', '{}');
    expect((await replay([file])).out).toContain('100 lines: 100 accepted (100 were there)');
    expect(await countFetches()).toBe(100);
  });

  it('with another purpose sends what was sent before', async () => {
    const file = await put('a.log', makeLog(10));
    expect((await replay([file])).out).toContain('10 lines: 10 accepted (0 were there)');
    expect((await replay([file], ['--pageviews'])).out).toContain('10 lines: 10 accepted (10 were there)');
    const again = await replay([file]);
    expect(again.out).toContain('0 lines');
    expect(again.err).toContain('was sent there before');
  });

  it('killed in the middle goes on from there, and every line is one row', { timeout: 60_000 }, async () => {
    const file = await put('a.log.gz', gzipSync(makeLog(30_000)));
    const child = spawn(process.execPath, wordsOf([file], []), {
      env: { PATH: process.env['PATH'], REPLAY_TOKEN: site.token },
      stdio: 'ignore',
    });
    await expect.poll(countFetches, { timeout: 30_000, interval: 5 }).toBeGreaterThan(0);
    await sleep(Math.random() * 100);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    const rest = await replay([file]);
    expect(rest.code).toBe(0);
    // It does not begin at the beginning, if it had come to the end of a part.
    expect(Number(/^(\d+) lines/.exec(rest.out)?.[1])).toBeLessThanOrEqual(30_000);
    expect(await countFetches()).toBe(30_000);
  });

  it('takes a stretch of time alone, and keeps nothing in a dry run', async () => {
    const file = await put('a.log', makeLog(100));
    const span = ['--since', '2026-10-01T00:00:10Z', '--until', '2026-10-01T00:00:30Z'];
    expect((await replay([file], [...span, '--dry-run'])).out).toContain('20 lines: 20 accepted');
    expect(await countFetches()).toBe(0);
    expect((await replay([file], span)).out).toContain('20 lines: 20 accepted');
    expect(await countFetches()).toBe(20);
  });

  it('reads standard input, with the fields that it is told', async () => {
    const fields =
      'timestamp,c-ip,time-to-first-byte,sc-status,sc-bytes,cs-method,cs-host,cs-uri-stem,x-edge-location,x-edge-request-id,time-taken,cs-user-agent,cs-referer,cs-uri-query,sc-content-type,c-country';
    const done = await replay(['-'], ['--fields', fields, '--pageviews'], {
      stdin: sample('cloudfront-realtime.tsv').toString('utf8'),
    });
    expect(done.out).toContain('5 lines: 4 accepted (0 were there), 1 skipped');
  });

  it('waits as long as it is asked to, and tries again', async () => {
    let asked = 0;
    const busy = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        asked++;
        if (asked < 3) response.writeHead(503, { 'Retry-After': '0' }).end();
        else
          response.writeHead(202).end(
            JSON.stringify({
              received: 1,
              accepted: 1,
              duplicate: null,
              skipped: {},
              quarantined: 0,
              rejected: 0,
            }),
          );
      });
    });
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const address = busy.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const done = await replay([await put('a.log', makeLog(1))], [], { url });
    busy.close();
    expect(done.out).toContain('1 lines: 1 accepted');
    expect(done.err.match(/does not take it \(503\)/g)).toHaveLength(2);
    expect(asked).toBe(3);
  });

  it('ends with one sentence when it is refused for good, or a file is broken', async () => {
    const file = await put('a.log', makeLog(1));
    const refused = await replay([file], ['--token', 'no token']);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^sluice: the gateway refuses with 401: .*\n$/);
    const broken = await replay([await put('b.gz', gzipSync(makeLog(100)).subarray(0, 300))]);
    expect(broken.code).toBe(1);
    expect(broken.err).toMatch(/^sluice: .*\n$/);
    const missing = spawnSync(process.execPath, wordsOf(['/nowhere'], ['--token', 'x']), {
      encoding: 'utf8',
    });
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('/nowhere');
  });
});

describe('a format', () => {
  it.each([
    ['#Version: 1.0', 'cloudfront'],
    ['{"cs-uri-stem":"/"}', 'cloudfront'],
    ['1791806405.123\t203.0.113.10', 'cloudfront'],
    ['{"ClientRequestURI":"/"}', 'cloudflare'],
    ['{"ts":1,"request":{}}', 'access-log'],
    ['203.0.113.10 - - [', 'access-log'],
  ])('is told from %j: %s', (text, format) => {
    expect(detectFormat(text)).toBe(format);
  });
});
