/** A real Redis of a test's own, on a free port, without files. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  close(): Promise<void>;
}

/** Starts redis-server from PATH; where there is none, installs it first (Debian, root). */
export async function startRedis(port?: number): Promise<RedisServer> {
  installRedis();
  const listenPort = port ?? (await findFreePort());
  const child = spawn(
    'redis-server',
    ['--port', String(listenPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (let attempt = 0; !(await answers(listenPort)); attempt++) {
    if (attempt > 500 || child.exitCode !== null) throw new Error('redis-server did not start');
    await sleep(10);
  }
  return {
    url: `redis://127.0.0.1:${listenPort}`,
    port: listenPort,
    process: child,
    async close() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function installRedis(): void {
  if (spawnSync('redis-server', ['--version']).status === 0) return;
  const isDebianRoot = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (!isDebianRoot) {
    throw new Error(
      'The tests need redis-server on the PATH: install it (Debian: sudo apt-get install redis-server).',
    );
  }
  // The package would start a server of its own on port 6379: a policy of 101 forbids that.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
  const done = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
    env,
  });
  if (done.status !== 0)
    throw new Error(`apt-get could not install redis-server: ${done.stderr.toString().trim()}`);
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
    socket.once('error', () => resolve(false));
  });
}

export async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}
