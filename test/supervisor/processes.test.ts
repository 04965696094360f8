/** Several processes on one port: what is theirs together, and what happens when one of them is gone. */
import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeAs } from '../../src/cli/admin/author.ts';
import { revokeById } from '../../src/cli/admin/client.ts';
import { waitUntilDrained } from '../crash/oracle.ts';
import { startSenders } from '../crash/senders.ts';
import { createPerson, PUBLIC_URL, SECRET } from '../setup/administration.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess, type DemoSite } from '../setup/gateway.ts';
import { listSegments, send, sendRecord, sendRecords, startProcesses, type Processes } from './gateway.ts';

// Each starts several processes, some of them several times.
vi.setConfig({ testTimeout: 120_000 });

/** The default of SLUICE_GRANT_STALE. */
const BOUND_MS = 30_000;
const ENDED = 'a process has ended by itself';
const ACCEPTED = 'sluice_records_total{kind="pageview",verdict="accepted"}';

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let gateway: Processes | null = null;
let sites = 0;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  directory = await makeDirectory();
});
afterEach(async () => {
  if (gateway?.process.exitCode === null) await gateway.stop('SIGKILL');
  await directory.remove();
});

async function start(processes: number, more: Readonly<Record<string, string>> = {}): Promise<Processes> {
  gateway = await startProcesses(processes, database, directory.path, more);
  return gateway;
}

const makeSite = (): Promise<DemoSite> => createDemoSite(database.sql, `site-${++sites}.example.com`);

const countRows = async (site: DemoSite): Promise<number> =>
  (await database.sql`SELECT 1 FROM hits WHERE site_id = ${site.siteId}`).length;

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('two processes', () => {
  it('both take records, each by an account of its own, and a stop stores all of them', async () => {
    const [site, two] = [await makeSite(), await start(2, { SLUICE_NODE_NAME: 'pair' })];
    expect(new Set(await sendRecords(two.port, site, 100))).toEqual(new Set([202]));
    expect(await two.stop('SIGTERM')).toBe(0);
    expect(await countRows(site)).toBe(100);
    const accounts = await database.sql<{ name: string; received: number }[]>`
      SELECT node_name AS name, received::int FROM client_ledgers
      WHERE client_id = ${site.clientId} ORDER BY node_name`;
    expect(accounts.map(({ name }) => name)).toEqual(['pair/0', 'pair/1']);
    for (const { received } of accounts) expect(received).toBeGreaterThan(0);
    expect(accounts.reduce((sum, { received }) => sum + received, 0)).toBe(100);
    expect(two.said('stopped')).toHaveLength(3);
  });

  it('refuse a revoked token, whichever is asked, before the bound', async () => {
    const [site, two] = [await makeSite(), await start(2, { SLUICE_NODE_NAME: 'revoking' })];
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const sendToBoth = (): Promise<number[]> =>
      Promise.all(Array.from({ length: 16 }, () => sendRecord(two.port, site, agent)));
    expect(new Set(await sendToBoth())).toEqual(new Set([202]));
    await changeAs(database.sql, 'test', (change) => revokeById(change, site.clientId));
    const revokedAtMs = performance.now();
    while (new Set(await sendToBoth()).has(202))
      expect(performance.now() - revokedAtMs).toBeLessThan(BOUND_MS);
    for (let again = 0; again < 5; again++) expect(new Set(await sendToBoth())).toEqual(new Set([401]));
    agent.destroy();
    const nodes =
      await database.sql`SELECT name FROM gateway_nodes WHERE name LIKE 'revoking/%' ORDER BY name`;
    expect(nodes.map(({ name }) => String(name))).toEqual(['revoking/0', 'revoking/1']);
    expect(await two.stop('SIGTERM')).toBe(0);
  });

  it('are watched as one: whichever is asked tells the sums, and of the processes by name', async () => {
    const [site, two] = [await makeSite(), await start(2)];
    await sendRecords(two.port, site, 60);
    const asked = await Promise.all(Array.from({ length: 12 }, () => two.metrics()));
    for (const metrics of asked) {
      expect(metrics.get(ACCEPTED)).toBe(60);
      expect(metrics.get('sluice_ack_duration_seconds_count')).toBe(60);
      expect(metrics.get('sluice_journal_records_total{mark="appended"}')).toBe(60);
      expect(metrics.get('sluice_journal_state{state="open"}')).toBe(1);
      expect(metrics.get('sluice_processes_up')).toBe(2);
      for (const index of [0, 1])
        expect(metrics.get(`process_resident_memory_bytes{process="${index}"}`)).toBeGreaterThan(0);
    }
    expect(await two.stop('SIGTERM')).toBe(0);
  });

  it('are shown as one: the live page has the sums, whichever sends it', async () => {
    const secrets = { SLUICE_SECRET: SECRET, SLUICE_PUBLIC_URL: PUBLIC_URL };
    const [site, two] = [await makeSite(), await start(2, secrets)];
    const { cookie } = await createPerson(database.sql, 'admin');
    await database.sql`ALTER TABLE hits RENAME TO hits_away`;
    try {
      expect(new Set(await sendRecords(two.port, site, 50))).toEqual(new Set([202]));
      const readLast = async (): Promise<number | undefined> => {
        const { text } = await send(two.port, 'GET /api/console/live?follow=0', '', '', false, { cookie });
        return [...text.matchAll(/"waiting":(\d+)/g)].map((match) => Number(match[1])).at(-1);
      };
      const readLasts = (): Promise<(number | undefined)[]> =>
        Promise.all(Array.from({ length: 12 }, readLast));
      await expect.poll(readLasts, { timeout: 15_000 }).toEqual(Array.from({ length: 12 }, () => 50));
    } finally {
      await database.sql`ALTER TABLE hits_away RENAME TO hits`;
    }
    expect(await two.stop('SIGTERM')).toBe(0);
  });

  it('have one Postgres and one demo where there is no database', async () => {
    const data = join(directory.path, 'demo');
    const own = await startProcess({ SLUICE_DATA_DIR: data, SLUICE_PROCESSES: '2' });
    await expect.poll(() => own.output(), { timeout: 10_000 }).toContain('Ctrl-C');
    expect(own.output().match(/Token, shown only now/g)).toHaveLength(1);
    const token = /slc_[0-9A-Za-z]{49}/.exec(own.output())?.[0] ?? '';
    const site = { siteId: '', clientId: '', token, domain: 'demo.example.com' };
    expect(new Set(await sendRecords(own.port, site, 30))).toEqual(new Set([202]));
    expect(await own.stop('SIGTERM')).toBe(0);
    expect(existsSync(join(data, 'database/postgres/postmaster.pid'))).toBe(false);
  });

  it('are told from a stranger: the port and the folder are theirs alone', async () => {
    const two = await start(2);
    const other = await makeDirectory();
    const environment = { DATABASE_URL: database.url, PORT: String(two.port), SLUICE_PROCESSES: '2' };
    await expect(startProcess({ ...environment, SLUICE_DATA_DIR: other.path })).rejects.toThrow(
      /ended with 1: sluice: Cannot listen on 127\.0\.0\.1:\d+: another process has the port\. Stop it, or choose another by PORT\.\n$/,
    );
    await expect(startProcesses(2, database, directory.path)).rejects.toThrow(
      /ended with 1: .*sluice: The journal .* is in use by another gateway/s,
    );
    await expect(startProcesses(1, database, directory.path)).rejects.toThrow(
      /ended with 1: .*sluice: The journal .* is in use by another gateway/s,
    );
    await other.remove();
    expect(await two.stop('SIGTERM')).toBe(0);
  });

  it('do not outlive a supervisor that is killed', async () => {
    const two = await start(2);
    const pids = [two.pidOf(0), two.pidOf(1)];
    expect(pids.filter(isAlive)).toEqual(pids);
    await two.stop('SIGKILL');
    await expect.poll(() => pids.filter(isAlive), { timeout: 15_000 }).toEqual([]);
  });

  it('stop in order when everybody is signalled at once, and at once by a second signal', async () => {
    const [site, two] = [await makeSite(), await start(2)];
    expect(await sendRecord(two.port, site)).toBe(202);
    for (const pid of [two.pidOf(0), two.pidOf(1)]) process.kill(pid, 'SIGINT');
    expect(await two.stop('SIGINT')).toBe(0);
    expect(two.said(ENDED)).toEqual([]);
    expect(await countRows(site)).toBe(1);

    const again = await start(2, { SLUICE_STOP_TIMEOUT: '60s' });
    const pids = [again.pidOf(0), again.pidOf(1)];
    process.kill(again.pidOf(1), 'SIGSTOP');
    again.process.kill('SIGTERM');
    await sleep(300);
    expect(again.process.exitCode).toBeNull();
    expect(await again.stop('SIGTERM')).toBe(130);
    await expect.poll(() => pids.filter(isAlive), { timeout: 5000 }).toEqual([]);
  });
});

describe('a process that is killed', () => {
  it('under load costs nobody a promise: the other goes on, and it comes back', async () => {
    const [site, two] = [await makeSite(), await start(2)];
    const senders = startSenders(40, two.port, site);
    const counted: number[] = [];
    for (let kill = 0; kill < 4; kill++) {
      await sleep(700);
      counted.push((await two.metrics()).get(ACCEPTED) ?? 0);
      const [index, pid] = [kill % 2, two.pidOf(kill % 2)];
      const before = senders.statuses.get(202) ?? 0;
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => two.said(ENDED).length, { timeout: 10_000 }).toBe(kill + 1);
      counted.push((await two.metrics()).get(ACCEPTED) ?? 0);
      await expect.poll(() => two.pidOf(index), { timeout: 20_000 }).not.toBe(pid);
      expect(senders.statuses.get(202) ?? 0).toBeGreaterThan(before);
      expect(two.said(ENDED).at(-1)).toMatchObject({
        process: index,
        pid,
        signal: 'SIGKILL',
        failures: (kill >> 1) + 1,
      });
    }
    counted.push((await two.metrics()).get(ACCEPTED) ?? 0);
    await senders.stop();
    // What was counted is counted on: a sum that falls would look like a restart of the whole gateway.
    expect(counted).toEqual(counted.toSorted((one, other) => one - other));
    expect(await waitUntilDrained(database.sql, senders)).toMatchObject({ missing: 0, twice: 0 });
    expect(senders.statuses.get(0) ?? 0).toBeGreaterThan(0);
    expect(await two.stop('SIGTERM')).toBe(0);
  });

  it('is started again ever more slowly while it cannot start, and each time is told why', async () => {
    const [site, two] = [await makeSite(), await start(2)];
    const segment = (await listSegments(directory.path)).find((name) => name.startsWith('1/')) ?? '';
    const path = join(directory.path, 'journal', segment);
    process.kill(two.pidOf(1), 'SIGSTOP');
    const sound = await readFile(path);
    const foreign = Buffer.from(sound);
    foreign.writeUInt32LE(99, 8);
    await writeFile(path, foreign);
    process.kill(two.pidOf(1), 'SIGKILL');
    await expect.poll(() => two.said(ENDED).length, { timeout: 40_000 }).toBe(4);
    const said = two.said(ENDED);
    expect(said.map(({ failures, waitMs }) => [failures, waitMs])).toEqual([
      [1, 100],
      [2, 200],
      [3, 400],
      [4, 800],
    ]);
    for (const line of said.slice(1))
      expect(line).toMatchObject({
        process: 1,
        code: 1,
        cause: expect.stringContaining('another release of Sluice'),
      });
    expect(await sendRecord(two.port, site)).toBe(202);
    expect((await two.metrics()).get('sluice_processes_up')).toBe(1);
    await writeFile(path, sound);
    await expect
      .poll(async () => (await two.metrics()).get('sluice_processes_up'), { timeout: 20_000 })
      .toBe(2);
    expect(await two.stop('SIGTERM')).toBe(0);
  });

  it('before it ever listened is the reason why the gateway does not start', async () => {
    await mkdir(join(directory.path, 'journal/1'), { recursive: true });
    await writeFile(
      join(directory.path, 'journal/1/00000000000000000001.journal'),
      Buffer.from('SLUICEJ1'.padEnd(64, 'x')),
    );
    await expect(start(2)).rejects.toThrow(
      /ended with 1: .*sluice: .*journal\/1\/.* was written by another release/s,
    );
  });
});

describe('a frozen process', () => {
  it('is spoken for by what it counted last, and holds no answer up', async () => {
    const [site, two] = [await makeSite(), await start(2)];
    await sendRecords(two.port, site, 40);
    expect((await two.metrics()).get(ACCEPTED)).toBe(40);
    process.kill(two.pidOf(1), 'SIGSTOP');
    // The kernel gives it its part of the connections all the same: those are not answered.
    const asked = Array.from({ length: 16 }, () => Promise.race([two.metrics(), sleep(8000, null)]));
    const answered = (await Promise.all(asked)).filter((metrics) => metrics !== null);
    expect(answered.length).toBeGreaterThan(0);
    process.kill(two.pidOf(1), 'SIGCONT');
    for (const metrics of answered) {
      expect(metrics.get(ACCEPTED)).toBe(40);
      expect(metrics.get('sluice_processes_up')).toBe(1);
      expect(metrics.has('process_resident_memory_bytes{process="1"}')).toBe(false);
    }
    await expect
      .poll(async () => (await two.metrics()).get('sluice_processes_up'), { timeout: 5000 })
      .toBe(2);
    expect(await two.stop('SIGTERM')).toBe(0);
  });
});

describe('a journal without a process', () => {
  it.each([
    [3, 1],
    [3, 2],
    [1, 2],
  ])(
    'of a gateway of %i that is one of %i now is brought into Postgres, once, and emptied',
    async (before, after) => {
      const site = await makeSite();
      const node = { SLUICE_NODE_NAME: `shrinking-${before}-${after}` };
      const many = await start(before, { ...node, SLUICE_STOP_TIMEOUT: '1s' });
      await database.sql`ALTER TABLE hits RENAME TO hits_away`;
      try {
        expect(new Set(await sendRecords(many.port, site, 90))).toEqual(new Set([202]));
        const waiting = (await many.metrics()).get('sluice_journal_backlog_records');
        expect(waiting).toBe(90);
        process.kill(before === 1 ? (many.process.pid ?? 0) : many.pidOf(0), 'SIGKILL');
        await many.stop(before === 1 ? 'SIGKILL' : 'SIGTERM');
      } finally {
        await database.sql`ALTER TABLE hits_away RENAME TO hits`;
      }
      const few = await start(after, node);
      await expect.poll(() => countRows(site), { timeout: 20_000 }).toBe(90);
      await expect.poll(async () => (await few.metrics()).get('sluice_journal_orphaned_records')).toBe(0);
      const own = after === 1 ? [/^\d+\.journal$/] : [/^0\/\d+\.journal$/, /^1\/\d+\.journal$/];
      const isOwn = (name: string): boolean => own.some((pattern) => pattern.test(name));
      await expect
        .poll(async () => (await listSegments(directory.path)).filter((name) => !isOwn(name)), {
          timeout: 10_000,
        })
        .toEqual([]);
      expect(await few.stop('SIGTERM')).toBe(0);
      expect(await countRows(site)).toBe(90);
      const told = few.said('traffic').map(({ inserted }) => Number(inserted));
      expect(told.reduce((sum, rows) => sum + rows, 0)).toBe(90);
      const [account] = await database.sql<{ stored: number; waiting: number }[]>`
      SELECT sum(stored)::int AS stored, sum(waiting)::int AS waiting FROM client_ledgers
      WHERE client_id = ${site.clientId}`;
      expect(account).toEqual({ stored: 90, waiting: 0 });
    },
  );
});
