import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { detectFormat } from '../../src/cli/replay/lines.ts';
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

const wordsOf = (
  files: readonly string[],
  more: readonly string[],
  url = instance.base,
  named = site.siteId,
): string[] => [
  PROGRAM,
  'replay',
  ...files,
  '--url',
  url,
  '--site',
  named,
  '--checkpoint',
  join(directory.path, 'checkpoint.json'),
  ...more,
];

/** Runs it to its end; not in this process' way, which may be the one that answers. */
async function replay(
  files: readonly string[],
  more: readonly string[] = [],
  options: { readonly url?: string; readonly stdin?: string; readonly site?: string } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, wordsOf(files, more, options.url, options.site), {
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
              errors: [],
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

  it('knows its site by the domain as well', async () => {
    const file = await put('a.log', makeLog(3));
    const done = await replay([file], [], { site: `www.${site.domain.toUpperCase()}` });
    expect([done.code, done.out]).toEqual([0, expect.stringContaining('3 accepted')]);
    expect(await countFetches()).toBe(3);
    const unknown = await replay([file], [], { site: 'nowhere.example.com' });
    expect([unknown.code, unknown.err]).toEqual([
      1,
      'sluice: the gateway refuses with 404: Site not found: no site has the domain nowhere.example.com.\n',
    ]);
    const none = await replay([file], [], { site: `https://${site.domain}/` });
    expect([none.code, none.err]).toEqual([
      1,
      expect.stringContaining('names the site by its UUID or its domain'),
    ]);
    const other = await createDemoSite(instance.sql, `other-${site.domain}`);
    const foreign = await replay([file], [], { site: other.domain });
    expect([foreign.code, foreign.err]).toEqual([1, expect.stringContaining('403')]);
  });

  it('ends with one sentence when it is refused for good', async () => {
    const file = await put('a.log', makeLog(1));
    const refused = await replay([file], ['--token', 'no token']);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^sluice: the gateway refuses with 401: .*\n$/);
    const misused = await replay([file], [], { url: 'localhost:8080' });
    expect([misused.code, misused.err]).toEqual([
      2,
      expect.stringContaining('must begin with http:// or https://'),
    ]);
  });
});

describe('a wrong file', () => {
  it.each([
    [
      'text',
      'Dear diary,\nnothing happened.\n',
      /none of its first 2 lines can be read, such as "Dear diary,": .*--format/,
    ],
    ['JSON of something else', '{"a":1}\n{"a":2}\n', /there is no timestamp/],
    ['columns without names', '1\t2\t3\n', /there is no #Fields line.*--fields/],
    ['bytes', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 10, 0]), /it is no text/],
    ['a packed archive', gzipSync(Buffer.alloc(2048)), /it is no text/],
    ['a packed file that breaks off', gzipSync(makeLog(100)).subarray(0, 300), /unexpected end of file/],
    ['nothing', '', /^sluice: there is no line in/],
    ['blank lines', '\n\n \n', /^sluice: there is no line in/],
  ])('of %s is named, with the reason, and nothing of it is sent', async (_, content, reason) => {
    const file = await put('wrong', content);
    const done = await replay([file]);
    expect([done.code, done.out]).toEqual([1, expect.stringMatching(/^0 lines/)]);
    expect(done.err).toMatch(/^sluice: .*\n$/);
    expect(done.err).toMatch(reason);
    expect(done.err).toContain(file);
    expect(await instance.sql`SELECT FROM unread_lines WHERE site_id = ${site.siteId}`).toEqual([]);
  });

  it('is left out, and the others are sent', async () => {
    const folder = join(directory.path, 'logs');
    await mkdir(folder);
    await writeFile(join(folder, 'a.log'), 'no log\n');
    await writeFile(join(folder, 'b.log'), makeLog(5));
    await writeFile(join(folder, 'c.log'), '');
    await writeFile(join(folder, 'd.log'), Buffer.alloc(10));
    const done = await replay([folder]);
    expect([done.code, done.out]).toEqual([1, expect.stringMatching(/^5 lines: 5 accepted/)]);
    expect(done.err).toMatch(/^sluice: .*a[.]log: none of .*\n.*d[.]log: it is no text.*\n$/);
    expect(await countFetches()).toBe(5);
  });

  it('may be one whose lines were all kept aside, or tell of no request', async () => {
    const old = makeLog(3).replaceAll('2026-10', '1996-10');
    const aside = await replay([await put('old.log', old)]);
    expect([aside.code, aside.err]).toEqual([
      1,
      expect.stringMatching(
        /old[.]log: none of its 3 lines became a record: 'sluice quarantine list' says why/,
      ),
    ]);
    const strange = await replay([await put('vercel.log', '{"message":"built"}\n')], ['--format', 'vercel']);
    expect([strange.code, strange.out]).toEqual([1, expect.stringContaining('1 skipped')]);
  });

  it('is not one with a bad line among good ones, wanted or not', async () => {
    const file = await put('a.log', `no log\n${makeLog(3)}`);
    const done = await replay([file]);
    expect([done.code, done.out]).toEqual([
      0,
      expect.stringContaining('3 accepted (0 were there), 0 skipped, 1 quarantined'),
    ]);
    const later = await replay([file], ['--since', '2026-11-01T00:00:00Z']);
    expect([later.code, later.out]).toEqual([0, expect.stringContaining('1 lines: 0 accepted')]);
  });

  it('may not be there at all', () => {
    for (const [path, reason] of [
      ['/nowhere', 'there is no file or folder /nowhere'],
      [directory.path, `there is no file in ${directory.path}`],
    ] as const) {
      const done = spawnSync(process.execPath, wordsOf([path], ['--token', 'x']), { encoding: 'utf8' });
      expect([done.status, done.stderr]).toEqual([1, `sluice: ${reason}\n`]);
    }
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
