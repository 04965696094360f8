/** The account of a client holds at every moment, and through kills: nothing is missing in it, nothing there twice. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  createPerson,
  createTeamOf,
  addSite,
  startInstance,
  type Instance,
} from '../setup/administration.ts';
import { createDatabase, holdOpen, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess, type GatewayProcess } from '../setup/gateway.ts';

interface Row {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly rejected: number;
  readonly skipped: number;
  readonly waiting: number;
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

const COUNTS = `received::int, stored::int, duplicate::int, quarantined::int, rejected::int, skipped::int, waiting::int`;

async function readAccount(clientId: string): Promise<Row | null> {
  const [row] = await database.sql.unsafe<Row[]>(
    `SELECT ${COUNTS} FROM client_ledgers WHERE client_id = '${clientId}'`,
  );
  return row ?? null;
}

const sumOf = (row: Row): number =>
  row.stored + row.duplicate + row.quarantined + row.rejected + row.skipped + row.waiting;

describe('an account', () => {
  it('counts every record once, through duplicates, refusals, skipped lines and unread ones', async () => {
    const directory = await makeDirectory();
    const gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
    const site = await createDemoSite(database.sql, `${randomUUID()}.example.com`);
    const visit = (id: string): object => ({
      ...{ id, url: `https://${site.domain}/`, timestamp: '2026-11-01T00:00:00Z' },
      ...{ visitor_ip: '192.0.2.1', user_agent: 'Firefox' },
    });
    const send = (path: string, body: unknown) =>
      ask(gateway.base, `POST ${path}`, { token: site.token, body });
    const ids = Array.from({ length: 20 }, () => randomUUID());
    await send(
      '/api/ingest/server/pageview',
      ids.map((id) => visit(id)),
    );
    await send('/api/ingest/server/pageview', [...ids.slice(0, 5).map((id) => visit(id)), {}, { url: 'x' }]);
    await send('/api/ingest/server/pageview', { url: 'x' });
    await send('/api/ingest/server/pageview?validate_only=1', [visit(randomUUID())]);
    await send(
      `/api/sites/${site.siteId}/ingest/access-log`,
      'nonsense\n203.0.113.10 - - [12/Oct/2026:14:00:05 +0200] "GET / HTTP/1.1" 200 9 "-" "Firefox"\n',
    );
    await gateway.stop('SIGTERM');
    expect(await readAccount(site.clientId)).toEqual({
      ...{ received: 30, stored: 20, duplicate: 5, quarantined: 1, rejected: 3, skipped: 1, waiting: 0 },
    });
    await directory.remove();
  });

  it(
    'holds through kills, with a table locked and not, and ends at what is in the table',
    { timeout: 90_000 },
    async () => {
      const directory = await makeDirectory();
      const environment = { DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path };
      const site = await createDemoSite(database.sql, `${randomUUID()}.example.com`);
      let gateway: GatewayProcess = await startProcess(environment);
      const accepted: Promise<number>[] = [];
      const batchOf = (size: number): object[] =>
        Array.from({ length: size }, () => ({
          ...{ id: randomUUID(), url: `https://${site.domain}/`, timestamp: '2026-11-01T00:00:00Z' },
          ...{ visitor_ip: '192.0.2.1', user_agent: 'Firefox' },
        }));
      const send = (): Promise<number> =>
        ask(gateway.base, 'POST /api/ingest/server/pageview', { token: site.token, body: batchOf(100) }).then(
          (answer) => (answer.status === 202 ? 100 : 0),
          () => 0,
        );
      for (let round = 0; round < 3; round++) {
        const release = round === 1 ? await holdOpen(database.sql, 'LOCK TABLE hits IN SHARE MODE') : null;
        for (let count = 0; count < 20; count++) {
          accepted.push(send());
          await sleep(20);
        }
        await Promise.all(accepted);
        await gateway.stop('SIGKILL');
        await release?.();
        gateway = await startProcess(environment);
      }
      const acknowledged = (await Promise.all(accepted)).reduce((sum, count) => sum + count, 0);
      await gateway.stop('SIGTERM');
      const account = await readAccount(site.clientId);
      const [stored] = await database.sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM hits WHERE site_id = ${site.siteId}`;
      expect(account).not.toBeNull();
      if (account === null) return;
      expect(account.received).toBe(sumOf(account));
      expect(account).toMatchObject({ waiting: 0, rejected: 0, skipped: 0, quarantined: 0 });
      expect(stored?.count).toBeGreaterThanOrEqual(acknowledged);
      // A row whose COPY was committed, and whose mark was not written, comes again, as a duplicate: never as two.
      expect(account.stored + account.duplicate).toBeGreaterThanOrEqual(stored?.count ?? 0);
      expect(account.stored).toBeLessThanOrEqual(stored?.count ?? 0);
      await directory.remove();
    },
  );

  it('is shown to whoever manages the client, by gateway and in sum', async () => {
    const instance: Instance = await startInstance({}, database);
    const owner = await createPerson(instance.sql);
    const teamId = await createTeamOf(instance.sql, owner);
    const site = await addSite(instance.sql, teamId);
    const made = await ask(instance.base, `POST /api/user/teams/${teamId}/api-clients`, {
      cookie: owner.cookie,
      body: { name: 'x', site_roles: [{ site_id: site.id, role: 'admin' }] },
    });
    const { client, token } = made.body as { client: { id: string }; token: string };
    const body = {
      ...{ url: `https://${site.domain}/`, timestamp: new Date().toISOString() },
      ...{ visitor_ip: '192.0.2.1', user_agent: 'Firefox' },
    };
    await ask(instance.base, 'POST /api/ingest/server/pageview', { token, body });
    await ask(instance.base, 'POST /api/ingest/server/pageview', { token, body: {} });
    const read = () =>
      ask(instance.base, `GET /api/user/teams/${teamId}/api-clients/${client.id}/ledger`, {
        cookie: owner.cookie,
      }).then((answer) => answer.body);
    const counts = {
      ...{ received: 2, stored: 1, duplicate: 0, quarantined: 0, rejected: 1, skipped: 0, waiting: 0 },
    };
    await expect
      .poll(read, { timeout: 15_000, interval: 500 })
      .toMatchObject({ ...counts, balanced: true, nodes: [{ ...counts, as_of: expect.any(String) }] });
    await instance.close();
  });
});
