/**
 * One process of several: the program that the supervisor forks. It serves like a gateway of one process, on a port that it
 * shares. It stops in order on SIGTERM and SIGINT, however often they come, since a terminal or a service manager may
 * signal all processes at once; and when its supervisor is gone, with exit code 1.
 */
import { readConfig } from '../../config.ts';
import { startGateway } from '../../main.ts';
import { joinSiblings } from '../../supervisor/siblings.ts';
import { createLog } from '../../telemetry/log.ts';
import { createStop } from './stop.ts';

const config = readConfig();
const { start, share, say } = await joinSiblings(process);
const { index, databaseUrl, port, adminPort } = start;
const log = createLog(config.logLevel, { process: index });
const stop = createStop(config, log);
const stopOnce = (exitCode: number): void => void (stop.hasBegun() || stop.run(exitCode));
process.on('SIGTERM', () => stopOnce(0));
process.on('SIGINT', () => stopOnce(0));
process.on('disconnect', () => stopOnce(1));
try {
  const gateway = await startGateway(
    { ...config, port, adminPort, migratesAtStart: false },
    {
      databaseUrl,
      log,
      seat: { index, count: config.processes, share },
      onFatal: (error) => {
        log.write('error', { err: error }, 'the process cannot go on');
        stopOnce(1);
      },
    },
  );
  stop.add(() => gateway.close());
  await say({ kind: 'listening' });
} catch (error) {
  await say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  log.flush();
  process.exit(1);
}
