/**
 * Processes under test: started on one core where `taskset` can do that, and what they have used of CPU and memory, as
 * /proc says. The load comes from the other cores.
 */
import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { isThere } from '../program.ts';

export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const SERVER = join('bench', 'variants', 'server.ts');
const CHECKOUT = join(import.meta.dirname, '../..');
/** Of a second: what /proc counts in. */
const TICKS = 100;

/** The words before a command that keep it to the server's core, or away from it; none on a machine with one core. */
export function pin(side: 'server' | 'load'): readonly string[] {
  const cores = cpus().length;
  if (cores < 2 || !isThere('taskset')) return [];
  return ['taskset', '-c', side === 'server' ? '0' : `1-${cores - 1}`];
}

export interface StartOptions {
  readonly nodeOptions?: readonly string[];
  /** Not set: this one. Another has its packages installed, and variants of its own. */
  readonly checkout?: string;
}

export async function startVariant(
  variant: string,
  environment: Readonly<Record<string, string>>,
  { nodeOptions = [], checkout = CHECKOUT }: StartOptions = {},
): Promise<ServerProcess> {
  const words = [...pin('server'), process.execPath, ...nodeOptions, join(checkout, SERVER), variant];
  const child = spawn(words[0] ?? '', words.slice(1), {
    env: { PATH: process.env['PATH'], SLUICE_HOST: '127.0.0.1', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
      const match = /\{"port":(\d+)\}/.exec(output);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', (code) => reject(new Error(`${variant} ended with ${code}`)));
  });
  return {
    port,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** CPU that the process has used, its children's included, in µs: those that run, and those that have ended. */
export async function readCpuUs(pid: number): Promise<number> {
  const stats = await Promise.all(
    (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(readStat),
  );
  const own = stats.filter((one) => one !== null && (one.pid === pid || one.parent === pid));
  return own.reduce((sum, one) => sum + (one?.ticks ?? 0), 0) * (1_000_000 / TICKS);
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** Null: it is gone. */
async function readStat(pid: string): Promise<Stat | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  // The second field, the program's name, may hold anything; it ends at the last bracket.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  return { pid: Number(pid), parent: fields[1] ?? 0, ticks: user + system + childUser + childSystem };
}

/** The largest resident size since it was last forgotten, in MiB. */
export async function readPeakMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? NaN) / 1024;
}

export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** For gateways that are asked what they count. */
export const WITH_METRICS = { SLUICE_METRICS_TOKEN: 'the-bench-asks-for-the-metrics' };

/** A sample of /metrics, by its name with its labels. Throws when there is none. */
export async function readMetric(port: number, sample: string): Promise<number> {
  const headers = { Authorization: `Bearer ${WITH_METRICS.SLUICE_METRICS_TOKEN}` };
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  const line = (await answer.text()).split('\n').find((one) => one.startsWith(`${sample} `));
  if (line === undefined) throw new Error(`/metrics has no ${sample}: ${answer.status}`);
  return Number(line.slice(sample.length));
}
