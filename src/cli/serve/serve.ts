/**
 * sluice serve: runs the gateway until SIGTERM or SIGINT. Without DATABASE_URL it brings its own Postgres and, on
 * the first start, a demo site with a token.
 *
 * The first signal stops in order, within SLUICE_STOP_DELAY and SLUICE_STOP_TIMEOUT; the second ends the process at
 * once. Exit code 0 after a stop in order, 1 when the start or a part has failed; of several processes, the worst.
 */
import { mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
import { readConfig, type Config } from '../../config.ts';
import { connectPostgres } from '../../store/connect.ts';
import { migrate } from '../../store/migrate.ts';
import { createLog } from '../../telemetry/log.ts';
import { findDatabase, type Database } from '../database.ts';
import { ensureDemo, printWelcome, type Demo } from '../demo.ts';
import type { Start } from './start.ts';
import { createStop, GRACE_MS } from './stop.ts';

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
  process.on('SIGTERM', () => void stop.run(0));
  process.on('SIGINT', () => void stop.run(0));
  try {
    const demo = database.embedded === null ? null : await prepareDemo(database, config);
    const start = await loadStart(config.processes);
    const { port, adminPort: ownPort } = await start(config, database.url, log, stop);
    const adminPort = config.adminPort === 'off' ? null : (ownPort ?? port);
    if (database.embedded !== null && demo !== null) printWelcome(port, adminPort, database.embedded, demo);
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

async function prepareDemo(database: Database, config: Config): Promise<Demo> {
  const sql = connectPostgres({
    url: database.url,
    applicationName: 'sluice-demo',
    connectionsMax: 1,
    statementTimeoutMs: 30_000,
    lockTimeoutMs: 0,
  });
  try {
    await migrate(sql);
    return await ensureDemo(sql, config.adminEmail === null);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
