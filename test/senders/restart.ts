/** A gateway that can be started again on its port, whoever knocks there meanwhile. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../setup/database.ts';
import { startProcess, type GatewayProcess } from '../setup/gateway.ts';

/**
 * `port` 0: any below those that the system gives to connections. On one of these, a client that knocks while nobody
 * listens may become its own peer, and then it has the port.
 */
export async function startOn(
  port: number,
  database: TestDatabase,
  dataDirectory: string,
  more: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await startProcess({
        DATABASE_URL: database.url,
        SLUICE_DATA_DIR: dataDirectory,
        PORT: String(port === 0 ? randomInt(20_000, 30_000) : port),
        ...more,
      });
    } catch (error) {
      if (attempt > 20 || !String(error).includes('another process has the port')) throw error;
      await sleep(200);
    }
  }
}
