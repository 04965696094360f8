/**
 * A gateway under a supervisor, as in production: one that ends is started again until it listens. That it ended by
 * itself is noted, since no fault may make it do that. One of several processes brings a supervisor of its own.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess, type GatewayProcess } from '../setup/gateway.ts';
import type { Wire } from './wire.ts';

export interface Gateway {
  readonly name: string;
  readonly wire: Wire;
  /** Of each process. */
  readonly journalDirectories: readonly string[];
  /** Null while it does not listen. */
  port(): number | null;
  /** Of the processes that serve; none while it does not run. */
  pids(): readonly number[];
  /** Resolves when it listens, however often that takes. */
  start(): Promise<void>;
  /** Ends it and leaves it down; returns its exit code, null after a kill. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  /** Records in its journal that Postgres does not have, as it last said. */
  waiting(): number;
  /** Whether all of its processes answer, and nothing waits in any journal. */
  isDrained(): Promise<boolean>;
  /** All that this gateway has printed in this run. */
  output(): string;
  /** How it ended when nobody had asked it to. */
  readonly endings: readonly string[];
}

const METRICS_TOKEN = 'the token of the metrics';
const RESTART_MS = 200;
const START_TIMEOUT_MS = 90_000;

export function createGateway(
  name: string,
  directory: string,
  wire: Wire,
  processes: number,
  environment: Readonly<Record<string, string>>,
): Gateway {
  const dataDirectory = join(directory, name);
  const journal = join(dataDirectory, 'journal');
  const own = { SLUICE_DATA_DIR: dataDirectory, SLUICE_PROCESSES: String(processes) };
  const endings: string[] = [];
  let printed = '';
  let running: GatewayProcess | null = null;
  let starting: Promise<void> | null = null;
  let isWanted = false;

  async function startUntilItListens(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (isWanted) {
      try {
        await mkdir(dataDirectory, { recursive: true });
        watch(await startProcess({ ...environment, ...own, SLUICE_METRICS_TOKEN: METRICS_TOKEN }));
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(RESTART_MS);
      }
    }
  }

  function watch(started: GatewayProcess): void {
    running = started;
    started.process.once('exit', (code, signal) => {
      printed += started.output();
      running = null;
      if (!isWanted) return;
      // What is no line of the log is what Node says when it gives up.
      const last = started
        .output()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('{"level":30'));
      endings.push(`${name} ended by itself with ${code ?? signal}:\n  ${last.slice(-14).join('\n  ')}`);
      void start();
    });
  }

  function start(): Promise<void> {
    isWanted = true;
    if (running !== null) return Promise.resolve();
    starting ??= startUntilItListens().finally(() => {
      starting = null;
    });
    return starting;
  }

  const output = (): string => printed + (running?.output() ?? '');

  const pids = (): readonly number[] => {
    const pid = running?.process.pid;
    if (pid === undefined) return [];
    return processes === 1 ? [pid] : findChildren(pid);
  };

  return {
    name,
    wire,
    journalDirectories:
      processes === 1
        ? [journal]
        : Array.from({ length: processes }, (_, index) => join(journal, String(index))),
    port: () => running?.port ?? null,
    pids,
    start,
    async stop(signal) {
      isWanted = false;
      await starting;
      const stopped = running;
      if (stopped === null) return null;
      const served = signal === 'SIGKILL' ? pids() : [];
      const code = await stopped.stop(signal);
      // As if the machine were gone: the supervisor could not start them again.
      for (const pid of served) await endProcess(pid);
      return code;
    },
    waiting() {
      const said = /.*"waiting":(\d+)/s.exec(running?.output().slice(-4000) ?? '');
      return said === null ? 0 : Number(said[1]);
    },
    async isDrained() {
      if (running === null) return false;
      const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
      const answer = await fetch(`${running.base}/metrics`, { headers }).catch(() => null);
      const text = (await answer?.text().catch(() => null)) ?? '';
      return [
        `sluice_processes_up ${processes}`,
        'sluice_journal_backlog_records 0',
        'sluice_journal_orphaned_records 0',
      ].every((line) => text.split('\n').includes(line));
    },
    output,
    get endings() {
      return [...endings, ...findEndings(name, output())];
    },
  };
}

/** Processes that ended without a reason of theirs: a start that fails has one, and a kill is a fault's. */
function findEndings(name: string, output: string): readonly string[] {
  const lines = output.split('\n').filter((line) => line.includes('"msg":"a process has ended by itself'));
  return lines
    .filter((line) => !line.includes('"cause":"') && !line.includes('"signal":"SIGKILL"'))
    .map((line) => `${name}: ${line}`);
}

function findChildren(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return children.trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Resolves when it has let go of everything, whoever has to take note of its end. */
async function endProcess(pid: number): Promise<void> {
  const isThere = (): boolean => {
    try {
      return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) && process.kill(pid, 'SIGKILL');
    } catch {
      return false;
    }
  };
  while (isThere()) await sleep(10);
}
