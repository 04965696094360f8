/**
 * The three endpoints under closed-loop load by autocannon: the durable gateway, the same one without a journal,
 * and the bare HTTP library, in interleaved rounds. Only throughput is read from autocannon, whose histogram is too
 * coarse for latency. A durable gateway that does not have in Postgres what it answered with 202 is disqualified.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { createSite } from '../src/admin/sites/site.ts';
import { ensureDefaultTeam } from '../src/admin/teams/team.ts';
import { changeAs } from '../src/cli/admin/author.ts';
import { createTeamClient } from '../src/cli/admin/client.ts';
import { connectPostgres, type Sql } from '../src/store/connect.ts';
import { startEmbeddedPostgres } from '../src/store/embedded.ts';
import { migrate } from '../src/store/migrate.ts';
import { ratioOf, runRounds, spreadOf, type Measured, type Spread } from './rounds.ts';

export interface EndpointsValues {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface EndpointResult {
  readonly endpoint: string;
  readonly requestsPerSecond: Readonly<Record<string, Spread>>;
  readonly ratios: Readonly<Record<string, Spread>>;
}

const variants = ['durable', 'unjournaled', 'bare'] as const;

export async function benchEndpoints(
  values: EndpointsValues,
  tell: (line: string) => void,
): Promise<EndpointResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  await chmod(directory, 0o711);
  const postgres = await startEmbeddedPostgres({ directory });
  const sql = connectPostgres({
    url: postgres.url,
    applicationName: 'sluice-bench',
    connectionsMax: 1,
    statementTimeoutMs: 120_000,
    lockTimeoutMs: 0,
    connectTimeoutMs: 5000,
  });
  const servers = new Map<string, Awaited<ReturnType<typeof startVariant>>>();
  try {
    await migrate(sql);
    const demo = await createDemo(sql);
    for (const variant of variants)
      servers.set(variant, await startVariant(variant, postgres.url, directory));
    const results: EndpointResult[] = [];
    for (const endpoint of listEndpoints(demo)) {
      let accepted = 0;
      const measured = await runRounds(variants, values.rounds, async (variant, round) => {
        tell(`${endpoint.name}: round ${round + 1} of ${values.rounds}, ${variant}`);
        const load = await shoot(servers.get(variant)?.port ?? 0, endpoint, demo.token, values);
        if (variant === 'durable') {
          accepted += load.accepted;
          // The next variant must not share the machine with what is left of this one.
          await waitForRows(sql, endpoint.table, accepted);
        }
        return load.requestsPerSecond;
      });
      results.push(describe(endpoint.name, measured));
    }
    return results;
  } finally {
    for (const server of servers.values()) await server.stop();
    await sql.end({ timeout: 1 });
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function describe(endpoint: string, measured: Measured): EndpointResult {
  return {
    endpoint,
    requestsPerSecond: Object.fromEntries(
      variants.map((variant) => [variant, spreadOf(measured[variant] ?? [])]),
    ),
    ratios: {
      'durable / bare': ratioOf(measured, 'durable', 'bare'),
      'durable / unjournaled': ratioOf(measured, 'durable', 'unjournaled'),
      'unjournaled / bare': ratioOf(measured, 'unjournaled', 'bare'),
    },
  };
}

interface Endpoint {
  readonly name: string;
  readonly table: string;
  readonly path: string;
  readonly body: string;
}

function listEndpoints(demo: { readonly siteId: string }): Endpoint[] {
  const visit = {
    url: 'https://bench.example.com/articles/how-to-measure?utm_source=newsletter&utm_medium=email',
    timestamp: new Date().toISOString(),
    visitor_ip: '8.8.8.8',
    user_agent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    referrer: 'https://news.example.org/today',
    session_id: '0b5f6c8e-1c2d-4e3f-8a9b-0c1d2e3f4a5b',
  };
  const fetched = {
    path: '/articles/how-to-measure',
    status_code: 200,
    user_agent:
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
    content_type: 'text/html; charset=utf-8',
    timestamp: new Date().toISOString(),
  };
  return [
    {
      name: 'pageview',
      table: 'hits',
      path: '/api/ingest/server/pageview',
      body: JSON.stringify({ ...visit, viewport_width: 1280, viewport_height: 720, language: 'en-GB' }),
    },
    {
      name: 'event',
      table: 'events',
      path: '/api/ingest/server/event',
      body: JSON.stringify({ ...visit, name: 'signup', properties: { plan: 'pro', seats: 3 } }),
    },
    {
      name: 'ai-fetch',
      table: 'ai_fetches',
      path: `/api/sites/${demo.siteId}/ingest/ai-fetch`,
      body: JSON.stringify(fetched),
    },
  ];
}

async function shoot(
  port: number,
  endpoint: Endpoint,
  token: string,
  values: EndpointsValues,
): Promise<{ requestsPerSecond: number; accepted: number }> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${endpoint.path}`,
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: endpoint.body,
    connections: values.connections,
    duration: values.seconds,
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${endpoint.name}: ${result.non2xx} refused, ${result.errors} without an answer`);
  }
  return { requestsPerSecond: result['2xx'] / result.duration, accepted: result['2xx'] };
}

/**
 * Requests that were on their way when a load ended may be stored although their answer was not counted: there may
 * be more rows than answers, never fewer.
 */
async function waitForRows(sql: Sql, table: string, atLeast: number): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${sql(table)}`;
    if ((row?.n ?? 0) >= atLeast) return;
    await sleep(100);
  }
  throw new Error(`disqualified: ${table} lacks rows that were answered with 202`);
}

async function createDemo(sql: Sql): Promise<{ siteId: string; token: string }> {
  return changeAs(sql, 'bench', async (change) => {
    const teamId = await ensureDefaultTeam(change.tx);
    const created = await createSite(change, teamId, 'bench.example.com');
    if (created.kind !== 'created') throw new Error(created.kind);
    const siteId = created.site.id;
    const wanted = { teamId, siteId, name: 'bench', role: 'admin', expiresAt: null } as const;
    const { token } = await createTeamClient(change, wanted);
    return { siteId, token };
  });
}

async function startVariant(
  variant: string,
  databaseUrl: string,
  directory: string,
): Promise<{ port: number; stop: () => Promise<void> }> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), variant], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      SLUICE_DATA_DIR: join(directory, variant),
      SLUICE_HOST: '127.0.0.1',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString();
      const match = /\{"port":(\d+)\}/.exec(output);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', (code) => reject(new Error(`${variant} ended with ${code}`)));
  });
  return {
    port,
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
