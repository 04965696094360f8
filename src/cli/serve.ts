/**
 * sluice serve: runs the gateway until SIGTERM or SIGINT. Without DATABASE_URL it brings its own Postgres and, on
 * the first start, a demo site with a token.
 *
 * The first signal stops in order, within SLUICE_STOP_DELAY and SLUICE_STOP_TIMEOUT; the second ends the process at
 * once. Exit code 0 after a stop in order, 1 when the start or a part has failed.
 */
import { mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
import { readConfig, type Config } from '../config.ts';
import { startGateway, type Gateway } from '../main.ts';
import { connectPostgres } from '../store/connect.ts';
import { migrate } from '../store/migrate.ts';
import { createLog } from '../telemetry/log.ts';
import { findDatabase, type Database } from './database.ts';
import { ensureDemo, printWelcome, type Demo } from './demo.ts';

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
  let gateway: Gateway | null = null;
  let isStopping = false;

  async function stop(exitCode: number): Promise<void> {
    if (isStopping) {
      log.flush();
      process.exit(exitCode === 0 ? 130 : exitCode);
    }
    isStopping = true;
    // A part that cannot be stopped must not keep the process alive for ever.
    const stopMs = config.stopDelayMs + config.stopTimeoutMs + GRACE_MS;
    setTimeout(() => process.exit(exitCode), stopMs).unref();
    await gateway?.close();
    await database.embedded?.close();
    log.write('info', {}, 'stopped');
    log.flush();
    process.exit(exitCode);
  }

  process.on('SIGTERM', () => void stop(0));
  process.on('SIGINT', () => void stop(0));
  try {
    const demo = database.embedded === null ? null : await prepareDemo(database, config);
    gateway = await startGateway(config, {
      databaseUrl: database.url,
      log,
      onFatal: (error) => {
        log.write('error', { err: error }, 'the gateway cannot go on');
        void stop(1);
      },
    });
    const adminPort = config.adminPort === 'off' ? null : (gateway.adminPort ?? gateway.port);
    if (database.embedded !== null && demo !== null)
      printWelcome(gateway.port, adminPort, database.embedded, demo);
    log.write('info', { host: config.host, port: gateway.port, durability: config.durability }, 'listening');
  } catch (error) {
    if (database.embedded?.joined === false) await database.embedded.close();
    log.flush();
    throw error;
  }
}

/** What a stop may take beyond its own time, to close connections and the embedded Postgres. */
const GRACE_MS = 10_000;

async function prepareDemo(database: Database, config: Config): Promise<Demo> {
  const sql = connectPostgres({
    url: database.url,
    applicationName: 'sluice-demo',
    connectionsMax: 1,
    statementTimeoutMs: 30_000,
    connectTimeoutMs: 5000,
    lockTimeoutMs: 0,
  });
  try {
    await migrate(sql);
    return await ensureDemo(sql, config.adminEmail === null);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
