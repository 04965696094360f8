/** Serves with several processes: what is done once is done here, and each of them does the rest (worker.ts). */
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { prepareSchema } from '../../store/migrate.ts';
import { findSharedPort } from '../../supervisor/port.ts';
import { startSupervisor } from '../../supervisor/supervisor.ts';
import type { Log } from '../../telemetry/log.ts';
import { withConnection } from '../database.ts';
import type { Start } from './start.ts';
import { GRACE_MS } from './stop.ts';

export const startProcesses: Start = async (config, databaseUrl, log, stop) => {
  const { host, processes } = config;
  const port = await findSharedPort(host, config.port);
  const adminPort =
    typeof config.adminPort === 'number' ? await findSharedPort(host, config.adminPort) : config.adminPort;
  await prepareDatabase(config, databaseUrl, log);
  const program = join(import.meta.dirname, 'worker.ts');
  const common = { databaseUrl, port, adminPort };
  const supervisor = startSupervisor({ processes, program, common }, { log: log.write });
  // However this process ends by itself, none outlives it.
  process.once('exit', () => void supervisor.stop('SIGKILL'));
  stop.add(async () => {
    const lateMs = config.stopDelayMs + config.stopTimeoutMs + 1.2 * GRACE_MS;
    const late = setTimeout(() => void supervisor.stop('SIGKILL'), lateMs);
    const worstCode = await supervisor.stop('SIGTERM');
    clearTimeout(late);
    return worstCode;
  });
  try {
    await supervisor.listening;
  } catch (error) {
    await supervisor.stop('SIGTERM');
    throw error;
  }
  return { port, adminPort: typeof adminPort === 'number' ? adminPort : null };
};

async function prepareDatabase(config: Config, databaseUrl: string, log: Log): Promise<void> {
  const { statementTimeoutMs, migratesAtStart } = config;
  const timeouts = { statementTimeoutMs, lockTimeoutMs: statementTimeoutMs };
  await withConnection({ url: databaseUrl, applicationName: 'sluice', ...timeouts }, (sql) =>
    prepareSchema(sql, migratesAtStart, log.write),
  );
}
