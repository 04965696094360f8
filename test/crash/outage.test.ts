import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectPostgres } from '../../src/store/connect.ts';
import { startEmbeddedPostgres } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openTestPool } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess } from '../setup/gateway.ts';
import { waitUntilDrained } from './oracle.ts';
import { startSenders } from './senders.ts';
import { startProxy, type Proxy } from './proxy.ts';

let directory: { path: string; remove: () => Promise<void> };
let proxy: Proxy;

beforeAll(async () => {
  directory = await makeDirectory();
});
afterAll(async () => {
  proxy.close();
  await directory.remove();
});

describe('Postgres stopped for 10 s under load', () => {
  it(
    'fails no request at journal level, and has every row afterwards, once',
    { timeout: 120_000 },
    async () => {
      const databaseDirectory = join(directory.path, 'database');
      await mkdir(databaseDirectory, { recursive: true });
      let postgres = await startEmbeddedPostgres({ directory: databaseDirectory });
      // The server comes back on another port: the proxy gives it one address.
      proxy = await startProxy(postgres.port);
      const url = postgres.url.replace(`:${postgres.port}/`, `:${proxy.port}/`);
      const setup = openTestPool(postgres.url);
      await migrate(setup);
      const site = await createDemoSite(setup, 'outage.example.com');
      await setup.end();
      const gateway = await startProcess({
        DATABASE_URL: url,
        SLUICE_DATA_DIR: join(directory.path, 'data'),
      });
      const senders = startSenders(50, gateway.port, site);
      await sleep(2000);
      const before = senders.statuses.get(202) ?? 0;
      await postgres.close();
      proxy.cut();
      await sleep(10_000);
      const during = senders.statuses.get(202) ?? 0;
      postgres = await startEmbeddedPostgres({ directory: databaseDirectory });
      proxy.aim(postgres.port);
      await sleep(2000);
      await senders.stop();
      expect([...senders.statuses.keys()]).toEqual([202]);
      expect(during - before).toBeGreaterThan(1000);
      const sql = connectPostgres({
        url: postgres.url,
        applicationName: 'oracle',
        connectionsMax: 1,
        statementTimeoutMs: 60_000,
        connectTimeoutMs: 5000,
        lockTimeoutMs: 0,
      });
      const result = await waitUntilDrained(sql, senders);
      expect(result).toMatchObject({ missing: 0, twice: 0, invented: 0 });
      expect(result.stored).toBe(result.promised);
      await sql.end();
      expect(await gateway.stop('SIGTERM')).toBe(0);
      await postgres.close();
    },
  );
});
