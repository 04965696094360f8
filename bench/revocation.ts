/**
 * How long is an old token still taken after the administrator's answer? Two gateways, one Postgres, one Redis, a paced
 * load with the token on both; it is rolled (the load goes on with the old token for a moment) or revoked, over and
 * over, through the first gateway. Measured: from the administrator's answer to the last 202 with the old token on
 * either gateway; 0 when the last 202 came before the answer.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../src/store/embedded.ts';
import { connectPostgres } from '../src/store/connect.ts';
import { startRedis, type RedisServer } from '../test/setup/redis.ts';
import { startStream, type Stream } from './pacer/pacer.ts';

export interface RevocationValues {
  readonly revocations: number;
  /** On each of the two gateways. */
  readonly requestsPerSecond: number;
}

export interface RevocationResult {
  readonly variant: string;
  readonly revocations: number;
  /** In ms, after the administrator's answer. */
  readonly lastAccepted: Percentiles;
  /** In ms: how long the administrator waited. */
  readonly answer: Percentiles;
  /** Answers whose receipt named a gateway as pending. */
  readonly pending: number;
  readonly requestsPerSecond: number;
  readonly waited: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const SECRET = randomBytes(32).toString('hex');
const EMAIL = 'bench@example.com';
const PASSWORD = randomBytes(16).toString('hex');
/** The load goes on with the old token for so long after the answer. */
const WATCH_MS = 60;
const CONNECTIONS = 48;
const BODY = JSON.stringify({
  url: 'https://bench.example.com/',
  timestamp: new Date().toISOString(),
  visitor_ip: '8.8.8.8',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
});

export async function benchRevocation(
  values: RevocationValues,
  tell: (line: string) => void,
): Promise<RevocationResult[]> {
  const results: RevocationResult[] = [];
  for (const variant of ['with Redis', 'without Redis', 'Redis frozen'] as const) {
    results.push(await measure(variant, values, tell));
  }
  return results;
}

async function measure(
  variant: 'with Redis' | 'without Redis' | 'Redis frozen',
  values: RevocationValues,
  tell: (line: string) => void,
): Promise<RevocationResult> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  await chmod(directory, 0o711);
  const postgres = await startEmbeddedPostgres({ directory });
  const redis = variant === 'without Redis' ? null : await startRedis();
  const gateways: Gateway[] = [];
  try {
    for (const name of ['one', 'two']) gateways.push(await startNode(name, directory, postgres.url, redis));
    const [one, two] = gateways;
    if (one === undefined || two === undefined) throw new Error('two gateways are needed');
    const administrator = await signIn(one.base);
    await administrator.ask('POST', '/api/sites', { domain: 'bench.example.com' });
    if (variant === 'Redis frozen') redis?.process.kill('SIGSTOP');
    return await revokeOften(variant, values, [one, two], administrator, tell);
  } finally {
    for (const gateway of gateways) await gateway.stop();
    redis?.process.kill('SIGCONT');
    await redis?.close();
    await waitForDrain(postgres.url);
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
  }
}

interface Gateway {
  readonly base: string;
  readonly port: number;
  stop(): Promise<void>;
}

async function revokeOften(
  variant: string,
  values: RevocationValues,
  gateways: readonly Gateway[],
  administrator: Administrator,
  tell: (line: string) => void,
): Promise<RevocationResult> {
  let client = await administrator.makeClient();
  const streams = gateways.map(({ port }) =>
    startStream({
      isPunctual: true,
      port,
      requestsPerSecond: values.requestsPerSecond,
      connections: CONNECTIONS,
      path: '/api/ingest/server/pageview',
      body: BODY,
      token: client.token,
    }),
  );
  const lastAccepted: number[] = [];
  const answers: number[] = [];
  let pending = 0;
  const startedAtMs = performance.now();
  for (let index = 0; index < values.revocations; index++) {
    tell(`${variant}: revocation ${index + 1} of ${values.revocations}`);
    await waitUntilAccepted(streams, client.token);
    const old = client.token;
    const askedAtMs = performance.now();
    const ended =
      index % 2 === 0 ? await administrator.roll(client.id) : await administrator.revoke(client.id);
    const answeredAtMs = performance.now();
    answers.push(answeredAtMs - askedAtMs);
    if (ended.pending > 0) pending++;
    await sleep(WATCH_MS);
    const last = Math.max(...streams.map((stream) => stream.lastAcceptedMs(old) ?? -Infinity));
    lastAccepted.push(Math.max(0, last - answeredAtMs));
    client = ended.token === null ? await administrator.makeClient() : { id: client.id, token: ended.token };
    for (const stream of streams) stream.use(client.token);
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  for (const stream of streams) stream.stop();
  const sum = (name: 'sent' | 'waited'): number =>
    streams.reduce((total, stream) => total + stream.counts[name], 0);
  return {
    variant,
    revocations: values.revocations,
    lastAccepted: percentilesOf(lastAccepted),
    answer: percentilesOf(answers),
    pending,
    requestsPerSecond: Math.round(sum('sent') / seconds / gateways.length),
    waited: sum('waited'),
  };
}

async function waitUntilAccepted(streams: readonly Stream[], token: string): Promise<void> {
  for (let attempt = 0; streams.some((stream) => stream.lastAcceptedMs(token) === null); attempt++) {
    if (attempt > 2000) throw new Error('a new token is not taken');
    await sleep(5);
  }
}

interface Administrator {
  ask(method: string, path: string, body?: object): Promise<Record<string, never>>;
  makeClient(): Promise<{ id: string; token: string }>;
  roll(id: string): Promise<{ token: string | null; pending: number }>;
  revoke(id: string): Promise<{ token: string | null; pending: number }>;
}

async function signIn(base: string): Promise<Administrator> {
  const answer = await fetch(`${base}/api/auth/login`, {
    method: 'POST',
    body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
  });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const ask = async (method: string, path: string, body?: object): Promise<never> => {
    const reply = await fetch(base + path, {
      method,
      headers: { Cookie: cookie },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as never;
  };
  const teams: { id: string }[] = await ask('GET', '/api/user/teams');
  const list = `/api/user/teams/${teams[0]?.id ?? ''}/api-clients`;
  return {
    ask,
    async makeClient() {
      const sites: { id: string }[] = await ask('GET', '/api/sites');
      const roles = sites.map(({ id }) => ({ site_id: id, role: 'admin' }));
      const made: { client: { id: string }; token: string } = await ask('POST', list, {
        name: 'bench',
        site_roles: roles,
      });
      return { id: made.client.id, token: made.token };
    },
    async roll(id) {
      const { token, receipt }: Ended = await ask('POST', `${list}/${id}/rotate`);
      return { token, pending: receipt.pending.length };
    },
    async revoke(id) {
      const { receipt }: Ended = await ask('PUT', `${list}/${id}`, { name: 'bench', revoked: true });
      return { token: null, pending: receipt.pending.length };
    },
  };
}

interface Ended {
  readonly token: string;
  readonly receipt: { readonly pending: readonly unknown[] };
}

async function startNode(
  name: string,
  directory: string,
  databaseUrl: string,
  redis: RedisServer | null,
): Promise<Gateway> {
  const program = join(import.meta.dirname, '../src/cli/sluice.ts');
  const child: ChildProcess = spawn(process.execPath, [program, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      ...(redis === null ? {} : { REDIS_URL: redis.url }),
      SLUICE_HOST: '127.0.0.1',
      PORT: '0',
      SLUICE_DATA_DIR: join(directory, name),
      SLUICE_SECRET: SECRET,
      SLUICE_NODE_NAME: name,
      SLUICE_ADMIN_EMAIL: EMAIL,
      SLUICE_ADMIN_PASSWORD: PASSWORD,
      SLUICE_STOP_TIMEOUT: '5s',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.on('data', (data: Buffer) => {
      const match = /"port":(\d+),"durability":"\w+","msg":"listening"/.exec(data.toString());
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', (code) => reject(new Error(`a gateway ended with ${code}`)));
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Postgres must not be stopped with work of its own under way that the next variant would pay for. */
async function waitForDrain(url: string): Promise<void> {
  const sql = connectPostgres({
    url,
    applicationName: 'sluice-bench',
    connectionsMax: 1,
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 0,
  });
  await sql`CHECKPOINT`;
  await sql.end({ timeout: 1 });
}

function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (part: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
