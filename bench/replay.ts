/**
 * A large log file by `sluice replay`: is every line what it should be, how fast is it, and how much memory does either
 * side take? Then the same file again, killed once in the middle and resumed.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSite } from '../src/admin/sites/site.ts';
import { ensureDefaultTeam } from '../src/admin/teams/team.ts';
import { changeAs } from '../src/cli/admin/author.ts';
import { createTeamClient } from '../src/cli/admin/client.ts';
import { connectPostgres, type Sql } from '../src/store/connect.ts';
import { startEmbeddedPostgres } from '../src/store/embedded.ts';
import { migrate } from '../src/store/migrate.ts';
import { startProcess } from '../test/setup/gateway.ts';
import { writeLogFile, type LogFileCounts } from './log-file.ts';

export interface ReplayResult {
  readonly lines: number;
  readonly fileBytes: number;
  readonly expected: LogFileCounts;
  readonly seconds: number;
  readonly linesPerSecond: number;
  /** The same by one POST per file, of `FILE_LINES` lines each. */
  readonly postsPerRun: number;
  readonly postLinesPerSecond: number;
  /** Largest resident size, in MiB. */
  readonly replayMib: number;
  readonly gatewayMib: number;
  /** Lines sent after the kill; the rest was not sent again. */
  readonly resumedLines: number;
}

const PROGRAM = join(import.meta.dirname, '../src/cli/sluice.ts');
const MIB = 1024 * 1024;
/** Some 300 kB gzipped. */
const FILE_LINES = 20_000;

export async function benchReplay(
  values: { readonly lines: number; readonly seed: number },
  tell: (line: string) => void,
): Promise<ReplayResult> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  await chmod(directory, 0o711);
  const postgres = await startEmbeddedPostgres({ directory });
  const sql = connectPostgres({
    url: postgres.url,
    applicationName: 'sluice-bench',
    connectionsMax: 1,
    statementTimeoutMs: 0,
    lockTimeoutMs: 0,
  });
  try {
    tell('writing the file');
    const path = join(directory, 'cloudfront.gz');
    const expected = await writeLogFile({ path, first: 0, ...values });
    await migrate(sql);
    const gateway = await startProcess({
      DATABASE_URL: postgres.url,
      SLUICE_DATA_DIR: join(directory, 'data'),
    });
    try {
      const gatewayMemory = watchMemory(gateway.process.pid ?? 0);
      const whole = await makeSite(sql, 'whole.example.com');
      const startedAtMs = performance.now();
      const run = await replay(gateway.base, whole, path, join(directory, 'whole.json'), null, tell);
      const seconds = (performance.now() - startedAtMs) / 1000;
      await expectRows(sql, whole.siteId, expected);
      const cut = await makeSite(sql, 'cut.example.com');
      const killAfterMs = (0.3 + Math.random() * 0.4) * seconds * 1000;
      await replay(gateway.base, cut, path, join(directory, 'cut.json'), killAfterMs, tell);
      const rest = await replay(gateway.base, cut, path, join(directory, 'cut.json'), null, tell);
      await expectRows(sql, cut.siteId, expected);
      const posts = await postFiles(
        gateway.base,
        await makeSite(sql, 'posts.example.com'),
        sql,
        values,
        tell,
      );
      return {
        lines: values.lines,
        fileBytes: (await stat(path)).size,
        expected,
        seconds: Math.round(seconds * 10) / 10,
        linesPerSecond: Math.round(values.lines / seconds),
        postsPerRun: posts.files,
        postLinesPerSecond: posts.linesPerSecond,
        replayMib: run.mib,
        gatewayMib: gatewayMemory.stop(),
        resumedLines: rest.lines,
      };
    } finally {
      await gateway.stop('SIGTERM');
    }
  } finally {
    await sql.end({ timeout: 1 });
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** As a function that is called for each new file in S3 would: one request per file, two at a time. */
async function postFiles(
  base: string,
  site: Site,
  sql: Sql,
  values: { readonly lines: number; readonly seed: number },
  tell: (line: string) => void,
): Promise<{ readonly files: number; readonly linesPerSecond: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-files-'));
  const expected: LogFileCounts = { aiFetches: 0, pageviews: 0, noStatus: 0, notAPage: 0 };
  const bodies: Buffer[] = [];
  for (let file = 0; file * FILE_LINES < values.lines; file++) {
    const path = join(directory, `${file}.gz`);
    const first = file * FILE_LINES;
    const lines = Math.min(FILE_LINES, values.lines - first);
    const counts = await writeLogFile({ path, lines, first, seed: values.seed + file });
    for (const key of Object.keys(counts) as (keyof LogFileCounts)[]) expected[key] += counts[key];
    bodies.push(await readFile(path));
  }
  await rm(directory, { recursive: true });
  tell(`posting ${bodies.length} files`);
  const startedAtMs = performance.now();
  const waiting = [...bodies];
  const post = async (): Promise<void> => {
    for (let body = waiting.pop(); body !== undefined; body = waiting.pop()) {
      const answer = await fetch(`${base}/api/sites/${site.siteId}/ingest/cloudfront?pageviews=1`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${site.token}` },
        body,
      });
      if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all([post(), post()]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  await expectRows(sql, site.siteId, expected);
  return { files: bodies.length, linesPerSecond: Math.round(values.lines / seconds) };
}

interface Site {
  readonly siteId: string;
  readonly token: string;
}

async function makeSite(sql: Sql, domain: string): Promise<Site> {
  return changeAs(sql, 'bench', async (change) => {
    const teamId = await ensureDefaultTeam(change.tx);
    const created = await createSite(change, teamId, domain);
    if (created.kind !== 'created') throw new Error(created.kind);
    const siteId = created.site.id;
    const wanted = { teamId, siteId, name: 'bench', role: 'admin', expiresAt: null } as const;
    const { token } = await createTeamClient(change, wanted);
    return { siteId, token };
  });
}

/** `killAfterMs` null: runs to its end. */
async function replay(
  base: string,
  site: Site,
  path: string,
  checkpoint: string,
  killAfterMs: number | null,
  tell: (line: string) => void,
): Promise<{ readonly lines: number; readonly mib: number }> {
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      'replay',
      path,
      '--url',
      base,
      '--token',
      site.token,
      '--site',
      site.siteId,
      '--pageviews',
      '--checkpoint',
      checkpoint,
    ],
    { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => tell(data.toString().trim()));
  const memory = watchMemory(child.pid ?? 0);
  const timer = killAfterMs === null ? null : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (timer !== null) clearTimeout(timer);
  if (killAfterMs === null && code !== 0) throw new Error(`the replay ended with ${code}`);
  return { lines: Number(/^(\d+) lines/m.exec(out)?.[1] ?? 0), mib: memory.stop() };
}

/** The void of a run whose rows are not what the file says. */
async function expectRows(sql: Sql, siteId: string, expected: LogFileCounts): Promise<void> {
  const count = async (table: string): Promise<number> => {
    const [row] = await sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM ${sql(table)} WHERE site_id = ${siteId}`;
    return row?.count ?? 0;
  };
  for (let attempt = 0; attempt < 600; attempt++) {
    if ((await count('ai_fetches')) === expected.aiFetches && (await count('hits')) === expected.pageviews)
      return;
    await sleep(100);
  }
  throw new Error(`there are ${await count('ai_fetches')} AI fetches and ${await count('hits')} pageviews`);
}

/** The largest resident size of a process (Linux), looked at ten times a second. */
function watchMemory(pid: number): { stop(): number } {
  let largest = 0;
  const timer = setInterval(() => {
    readFile(`/proc/${pid}/statm`, 'utf8')
      .then((text) => {
        largest = Math.max(largest, Number(text.split(' ')[1]) * 4096);
      })
      .catch(() => undefined);
  }, 100);
  return {
    stop() {
      clearInterval(timer);
      return Math.round(largest / MIB);
    },
  };
}
