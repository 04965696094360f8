/**
 * A gateway under a supervisor, as in production: one that ends is started again until it listens. That it ended by
 * itself is noted, since no fault may make it do that.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess, type GatewayProcess } from '../setup/gateway.ts';
import type { Wire } from './wire.ts';

export interface Gateway {
  readonly name: string;
  readonly wire: Wire;
  readonly journalDirectory: string;
  /** Null while it does not listen. */
  port(): number | null;
  pid(): number | null;
  /** Resolves when it listens, however often that takes. */
  start(): Promise<void>;
  /** Ends it and leaves it down; returns its exit code, null after a kill. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  /** Records in its journal that Postgres does not have, as it last said. */
  waiting(): number;
  /** All that this gateway has printed in this run. */
  output(): string;
  /** How it ended when nobody had asked it to. */
  readonly endings: readonly string[];
}

const RESTART_MS = 200;
const START_TIMEOUT_MS = 90_000;

export function createGateway(
  name: string,
  directory: string,
  wire: Wire,
  environment: Readonly<Record<string, string>>,
): Gateway {
  const dataDirectory = join(directory, name);
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
        watch(await startProcess({ ...environment, SLUICE_DATA_DIR: dataDirectory }));
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

  return {
    name,
    wire,
    journalDirectory: join(dataDirectory, 'journal'),
    port: () => running?.port ?? null,
    pid: () => running?.process.pid ?? null,
    start,
    async stop(signal) {
      isWanted = false;
      await starting;
      const stopped = running;
      return stopped === null ? null : stopped.stop(signal);
    },
    waiting() {
      const said = /.*"waiting":(\d+)/s.exec(running?.output().slice(-4000) ?? '');
      return said === null ? 0 : Number(said[1]);
    },
    output: () => printed + (running?.output() ?? ''),
    endings,
  };
}
