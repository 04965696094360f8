import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openTestPool } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess } from '../setup/gateway.ts';
import { waitUntilDrained } from './oracle.ts';
import { startSenders } from './senders.ts';

let directory: { path: string; remove: () => Promise<void> };
let postgres: EmbeddedPostgres;

beforeAll(async () => {
  directory = await makeDirectory();
  postgres = await startEmbeddedPostgres({ directory: join(directory.path, 'database') });
});
afterAll(async () => {
  await postgres.close();
  await directory.remove();
});

describe('Postgres frozen under load, its connections open and silent', () => {
  it(
    'fails no request at journal level, and has every row afterwards, once',
    { timeout: 60_000 },
    async () => {
      const sql = openTestPool(postgres.url);
      await migrate(sql);
      const site = await createDemoSite(sql, 'frozen.example.com');
      const gateway = await startProcess({
        DATABASE_URL: postgres.url,
        SLUICE_DATA_DIR: join(directory.path, 'data'),
        SLUICE_WRITE_TIMEOUT: '1s',
      });
      const senders = startSenders(20, gateway.port, site);
      await sleep(1500);
      const rows = await sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'sluice%' AND application_name <> 'sluice-test'`;
      const frozen = [postgres.pid, ...rows.map((row) => row.pid)];
      expect(frozen.length).toBeGreaterThan(2);
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      const before = senders.statuses.get(202) ?? 0;
      await sleep(5000);
      const during = (senders.statuses.get(202) ?? 0) - before;
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
      await sleep(1000);
      await senders.stop();
      expect([...senders.statuses.keys()]).toEqual([202]);
      expect(during).toBeGreaterThan(500);
      const result = await waitUntilDrained(sql, senders);
      expect(result).toMatchObject({ missing: 0, twice: 0, invented: 0 });
      expect(gateway.output()).toContain('no answer from Postgres within 1000 ms');
      expect(await gateway.stop('SIGTERM')).toBe(0);
      await sql.end();
    },
  );
});
