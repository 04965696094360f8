/** Programs of Debian that nobody here wrote: installed where missing, run in a folder of the test's, ended with it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

const PACKAGES = {
  caddy: ['caddy'],
  goaccess: ['goaccess'],
  nginx: ['nginx-light'],
  php: ['php-cli'],
  python3: ['python3'],
  'syslog-ng': ['syslog-ng-core', 'syslog-ng-mod-http'],
  chromium: ['chromium'],
  prometheus: ['prometheus'],
} as const;

/** Throws one sentence when they are missing and cannot be installed. */
export function installPrograms(...names: readonly (keyof typeof PACKAGES)[]): void {
  const missing = names.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || spawnSync('which', ['apt-get']).status !== 0)
    throw new Error(`The system tests need ${missing.join(', ')}: install them, or run as root on Debian.`);
  // The packages would start servers of their own: a run level of 1 forbids that.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
  const packages = missing.flatMap((name) => PACKAGES[name]);
  const done = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env,
  });
  if (done.status !== 0) throw new Error(`apt-get could not install them: ${done.stderr.toString().trim()}`);
}

export interface Program {
  output(): string;
  stop(): Promise<void>;
}

export function run(
  name: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Program {
  const child: ChildProcess = spawn(name, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
