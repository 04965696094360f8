/**
 * What one core's work costs while another core is busy, against while it is idle. Where two cores are threads of one, or are
 * slowed together, it is more than 1, and a variant that leaves the other core to itself looks faster than it is.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { pin } from '../table/process.ts';
import { ratioOf, runRounds } from '../rounds.ts';
import type { Found } from './line.ts';

/** Objects to JSON and back, some 50 ms; prints the CPU that it took, in µs. */
const WORK = `
  const visits = Array.from({ length: 40 }, (_, id) => ({ id, url: 'https://example.com/' + id, sizes: [1, 2, 3] }));
  const work = (times) => { for (let each = 0; each < times; each++) JSON.parse(JSON.stringify(visits)); };
  work(1000);
  const before = process.cpuUsage();
  work(4000);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(String(user + system));`;
/** The same without an end; for a minute at most, should nobody stop it. */
const BUSY = `
  const text = JSON.stringify(Array.from({ length: 40 }, (_, id) => ({ id, url: 'https://example.com/' + id })));
  for (const end = Date.now() + 60_000; Date.now() < end;) JSON.parse(text);`;
const BUSY_AFTER_MS = 200;

export async function benchCores(
  { rounds }: { readonly rounds: number },
  tell: (line: string) => void,
): Promise<Found> {
  const measured = await runRounds(['idle', 'busy'], rounds, async (other, round) => {
    tell(`cores, the other ${other}: round ${round + 1} of ${rounds}`);
    const neighbour = other === 'busy' ? await startNeighbour() : null;
    try {
      return timeWork();
    } finally {
      await stop(neighbour);
    }
  });
  return {
    figures: {},
    lines: [
      {
        what: 'work of one core, the other busy / idle',
        measured: ratioOf(measured, 'busy', 'idle'),
        unit: 'times the CPU',
      },
    ],
  };
}

async function startNeighbour(): Promise<ChildProcess> {
  const [program, ...words] = [...pin('load'), process.execPath, '-e', BUSY];
  const neighbour = spawn(program, words, { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, BUSY_AFTER_MS));
  return neighbour;
}

function timeWork(): number {
  const [program, ...words] = [...pin('server'), process.execPath, '-e', WORK];
  const done = spawnSync(program, words, { encoding: 'utf8' });
  const cpuUs = Number(done.stdout);
  if (!(cpuUs > 0)) throw new Error(`the work of one core was not done: ${done.stderr}`);
  return cpuUs;
}

async function stop(neighbour: ChildProcess | null): Promise<void> {
  if (neighbour === null) return;
  const gone = new Promise((resolve) => neighbour.once('exit', resolve));
  neighbour.kill('SIGKILL');
  await gone;
}
