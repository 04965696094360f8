/**
 * A Postgres of one's own: real server binaries from npm, data in a folder, kept between starts. For trying
 * Sluice out and for its tests; production sets DATABASE_URL.
 *
 * The server is a process of its own that outlives a killed gateway: the next start finds it by its pid file and
 * goes on using it. Postgres refuses to run as root, so for root it runs as `postgres`, or as `nobody` where there
 * is no such user; where that user cannot reach the folder (a checkout under a 0700 home), binaries and data are
 * placed under /var/lib/sluice instead, and `placed` says so.
 */
import { randomBytes } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { open, mkdir, readFile, writeFile, chown, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectPostgres, describeError } from './connect.ts';
import { placeEmbedded, type Placement } from './placement.ts';

export interface EmbeddedValues {
  /** Holds `postgres/` (the data), `postgres.log` and `pgpass`. Made when missing. */
  readonly directory: string;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  /** A libpq password file for psql: PGPASSFILE=<this> psql -h 127.0.0.1 -p <port> -U sluice sluice */
  readonly passwordFile: string;
  /** Where the data had to go because the server's user cannot reach `directory`; else null. */
  readonly placed: string | null;
  /** True when the server was already running and was only joined. */
  readonly joined: boolean;
  readonly pid: number;
  /** Stops the server (fast shutdown) and waits until it is gone. */
  close(): Promise<void>;
}

const USER = 'sluice';
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

/** Starts the server, or joins the one that runs on the same data. Throws one sentence saying what to do. */
export async function startEmbeddedPostgres(values: EmbeddedValues): Promise<EmbeddedPostgres> {
  const placement = await placeEmbedded(values.directory);
  await mkdir(placement.directory, { recursive: true, mode: 0o711 });
  const files = {
    data: join(placement.directory, 'postgres'),
    log: join(placement.directory, 'postgres.log'),
    password: join(placement.directory, 'pgpass'),
  };
  const password = await readPassword(files.password);
  await initialise(placement, files.data, password);
  const running = await readPidFile(files.data);
  const server =
    running !== null && isAlive(running.pid) ? running : await launch(placement, files.data, files.log);
  const url = `postgres://${USER}:${password}@127.0.0.1:${server.port}/${USER}`;
  await waitUntilReady(url, server, files.log);
  return {
    url,
    port: server.port,
    passwordFile: files.password,
    placed: placement.moved ? placement.directory : null,
    joined: server === running,
    pid: server.pid,
    close: () => stop(server.pid),
  };
}

interface Server {
  readonly pid: number;
  readonly port: number;
}

async function readPassword(file: string): Promise<string> {
  const existing = await readFile(file, 'utf8').catch(() => null);
  const found = existing?.trim().split(':')[4];
  if (found !== undefined) return found;
  const password = randomBytes(24).toString('hex');
  await writeFile(file, `127.0.0.1:*:*:${USER}:${password}\n`, { mode: 0o600 });
  return password;
}

/** initdb into `data`, unless that is done. A half-made folder from an interrupted first start is made anew. */
async function initialise(placement: Placement, data: string, password: string): Promise<void> {
  const isComplete = await readFile(join(data, 'sluice-initialised')).then(
    () => true,
    () => false,
  );
  if (isComplete) return;
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  if (placement.owner !== null) await chown(data, placement.owner.uid, placement.owner.gid);
  const passwordFile = join(placement.directory, 'initdb-password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (placement.owner !== null) await chown(passwordFile, placement.owner.uid, placement.owner.gid);
  const flags = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', `--pwfile=${passwordFile}`];
  const made = spawnSync(placement.initdb, ['--pgdata', data, '--username', USER, ...flags], {
    ...placement.owner,
    encoding: 'utf8',
    env: { LC_ALL: 'C' },
  });
  await rm(passwordFile);
  if (made.status !== 0) {
    const why = made.error?.message ?? made.stderr.trim().split('\n').at(-1) ?? 'unknown error';
    throw new Error(
      `The embedded Postgres could not be initialised in ${data}: ${why}. Or set DATABASE_URL.`,
    );
  }
  await writeFile(join(data, 'sluice-initialised'), '');
}

async function launch(placement: Placement, data: string, logFile: string): Promise<Server> {
  const port = await findFreePort();
  const log = await open(logFile, 'a', 0o600);
  // Detached: Ctrl-C in a terminal must stop the gateway first, and the gateway then stops Postgres.
  const child = spawn(
    placement.postgres,
    ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    {
      ...placement.owner,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { LC_ALL: 'C', TZ: 'UTC' },
    },
  );
  try {
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.once('error', reject);
    });
    return { pid, port };
  } finally {
    await log.close();
    child.unref();
  }
}

/** Postgres writes its pid on line 1 and its port on line 4; it removes the file when it stops in order. */
async function readPidFile(data: string): Promise<Server | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => null);
  if (text === null) return null;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  return Number.isInteger(pid) && pid > 0 && Number.isInteger(port) && port > 0 ? { pid, port } : null;
}

async function waitUntilReady(url: string, server: Server, logFile: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let last = 'no answer';
  while (performance.now() < deadline && isAlive(server.pid)) {
    try {
      await createDatabase(url);
      return;
    } catch (error) {
      last = describeError(error);
      await sleep(30);
    }
  }
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const tail = log.trim().split('\n').slice(-3).join(' | ');
  throw new Error(
    `The embedded Postgres did not start (${last}). Its log ${logFile} ends: ${tail}. Or set DATABASE_URL.`,
  );
}

async function createDatabase(url: string): Promise<void> {
  const sql = connectPostgres({
    url: url.replace(/[^/]*$/, 'postgres'),
    applicationName: 'sluice-start',
    connectionsMax: 1,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 2000,
    lockTimeoutMs: 0,
  });
  try {
    const [row] = await sql`SELECT 1 FROM pg_database WHERE datname = ${USER}`;
    if (row === undefined) await sql.unsafe(`CREATE DATABASE ${USER}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function stop(pid: number): Promise<void> {
  signal(pid, 'SIGINT');
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      signal(pid, 'SIGQUIT');
      return;
    }
    await sleep(10);
  }
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Already gone: that is what was wanted.
  }
}

/** A zombie that nobody has reaped yet still answers to signal 0, but serves nobody. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
