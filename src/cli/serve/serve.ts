/**
 * sluice serve: runs the gateway until SIGTERM or SIGINT. Without DATABASE_URL it brings its own Postgres and, on
 * the first start, a demo site with a token.
 *
 * The first signal stops in order, within SLUICE_STOP_DELAY and SLUICE_STOP_TIMEOUT; a later one ends the process at
 * once. Exit code 0 after a stop in order, 1 when the start or a part has failed; of several processes, the worst.
 */
import { mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
import { readConfig, type Config } from '../../config.ts';
import type { Sql } from '../../store/connect.ts';
import type { EmbeddedPostgres } from '../../store/embedded.ts';
import { migrate } from '../../store/migrate.ts';
import { createLog } from '../../telemetry/log.ts';
import { findDatabase, withConnection, type Database } from '../database.ts';
import { ensureDemo, printWelcome } from '../demo.ts';
import type { Ports, Start } from './start.ts';
import { createStop, GRACE_MS } from './stop.ts';

const SAME_SIGNAL_MS = 200;

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the gateway (this is what npm start does)')
    .action(() => serve(readConfig()));
}

async function serve(config: Config): Promise<void> {
  await mkdir(config.dataDirectory, { recursive: true, mode: 0o711 });
  const log = createLog(config.logLevel);
  const database = await findDatabase(config);
  // Processes end themselves when their time is over: theirs comes first.
  const stop = createStop(config, log, config.processes === 1 ? GRACE_MS : 2 * GRACE_MS);
  stop.add(async () => database.embedded?.close());
  const stopOnSignal = oncePerSignal(() => void stop.run(0));
  process.on('SIGTERM', stopOnSignal);
  process.on('SIGINT', stopOnSignal);
  try {
    if (database.embedded !== null) await withDemoSql(database, migrate);
    const start = await loadStart(config.processes);
    const { port, adminPort: ownPort } = await start(config, database.url, log, stop);
    const adminPort = config.adminPort === 'off' ? null : (ownPort ?? port);
    if (database.embedded !== null)
      await welcome(database, database.embedded, config, { port, adminPort }).catch((error: unknown) =>
        log.write('error', { err: error }, 'there is no demo site; the gateway serves without'),
      );
    const { host, processes, durability } = config;
    const facts = processes === 1 ? {} : { processes };
    log.write('info', { ...facts, host, port, durability }, 'listening');
  } catch (error) {
    if (database.embedded?.joined === false) await database.embedded.close();
    log.flush();
    throw error;
  }
}

/** Only what is needed is loaded: a supervisor is up sooner, and smaller, without the gateway that it does not run. */
async function loadStart(processes: number): Promise<Start> {
  if (processes === 1) return (await import('./alone.ts')).startAlone;
  return (await import('./processes.ts')).startProcesses;
}

/** What is shown once is made when it listens: a start that fails for its port would have shown it to nobody. */
async function welcome(
  database: Database,
  embedded: EmbeddedPostgres,
  config: Config,
  ports: Ports,
): Promise<void> {
  const demo = await withDemoSql(database, (sql) => ensureDemo(sql, config.adminEmail === null));
  printWelcome(ports, config.dataDirectory, embedded, demo);
}

/** Ctrl-C comes twice within a moment where npm is between: from the terminal to both, and from npm to its child. */
function oncePerSignal(act: () => void): () => void {
  let lastAtMs = -Infinity;
  return () => {
    const isSame = performance.now() - lastAtMs < SAME_SIGNAL_MS;
    lastAtMs = performance.now();
    if (!isSame) act();
  };
}

function withDemoSql<T>({ url }: Database, work: (sql: Sql) => Promise<T>): Promise<T> {
  const timeouts = { statementTimeoutMs: 30_000, lockTimeoutMs: 0 };
  return withConnection({ url, applicationName: 'sluice-demo', ...timeouts }, work);
}
