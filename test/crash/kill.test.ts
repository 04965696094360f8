import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess, type GatewayProcess } from '../setup/gateway.ts';
import { waitUntilDrained } from './oracle.ts';
import { startSenders } from './senders.ts';

const KILLS = 6;
const SENDERS = 200;

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  database = await createDatabase();
  directory = await makeDirectory();
});
afterAll(async () => {
  await database.close();
  await directory.remove();
});

describe('kill -9 of the gateway among 200 concurrent senders', () => {
  it.each(['', 'durability=postgres'])(
    'loses nothing that was answered with 202, and stores nothing twice (Prefer: %s)',
    { timeout: 120_000 },
    async (prefer) => {
      const site = await createDemoSite(
        database.sql,
        prefer === '' ? 'kill.example.com' : 'kill2.example.com',
      );
      const start = (): Promise<GatewayProcess> =>
        startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
      let gateway = await start();
      const senders = startSenders(SENDERS, gateway.port, site, prefer);
      for (let kill = 0; kill < KILLS; kill++) {
        await sleep(500 + kill * 150);
        await gateway.stop('SIGKILL');
        gateway = await start();
        senders.setPort(gateway.port);
      }
      await sleep(500);
      await senders.stop();
      const result = await waitUntilDrained(database.sql, senders);
      expect(result).toMatchObject({ missing: 0, twice: 0 });
      expect(result.promised).toBeGreaterThan(1000);
      // The kills were felt: some requests got no answer.
      expect(senders.statuses.get(0) ?? 0).toBeGreaterThan(0);
      expect(await gateway.stop('SIGTERM')).toBe(0);
      if (prefer === '') expect(result.invented).toBe(0);
    },
  );
});
