import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ask } from '../setup/administration.ts';
import { createDatabase, holdOpen, openTestPool, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess } from '../setup/gateway.ts';
import { sendRecords } from '../supervisor/gateway.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');

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

interface Finding {
  readonly about: string;
  readonly state: string;
  readonly says: string;
}

function examine(environment: Record<string, string> = {}): {
  code: number | null;
  bad: string[];
  all: Finding[];
} {
  const done = spawnSync(process.execPath, [PROGRAM, 'doctor', '--json'], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.url,
      SLUICE_DATA_DIR: directory.path,
      ...environment,
    },
  });
  const all = done.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding);
  const bad = all
    .filter(({ state }) => state !== 'ok')
    .map(({ about, state, says }) => `${state} ${about}: ${says}`);
  return { code: done.status, bad, all };
}

describe('doctor', () => {
  it('finds nothing wrong where nothing is, and counts what it saw', async () => {
    const gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: directory.path });
    const site = await createDemoSite(database.sql, 'doctor.example.com');
    const body = {
      ...{ url: 'https://doctor.example.com/', timestamp: new Date().toISOString() },
      ...{ visitor_ip: '192.0.2.1', user_agent: 'Firefox' },
    };
    await ask(gateway.base, 'POST /api/ingest/server/pageview', { token: site.token, body });
    expect(examine().bad).toEqual([]);
    await gateway.stop('SIGTERM');
    const { code, bad, all } = examine();
    expect([code, bad]).toEqual([0, []]);
    expect(all.map(({ about, says }) => `${about}: ${says}`)).toEqual(
      expect.arrayContaining([
        'accounts: 1 balanced, 1 record(s) received in all',
        'journal: 0 record(s) wait for Postgres, or were written in the last second',
        'quarantine: empty',
      ]),
    );
  });

  it('says what waits, and where a segment cannot be read', async () => {
    const release = await holdOpen(database.sql, 'LOCK TABLE hits IN SHARE MODE');
    const own = await makeDirectory();
    const gateway = await startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: own.path });
    const site = await createDemoSite(database.sql, 'waits.example.com');
    for (let count = 0; count < 5; count++) {
      const body = Array.from({ length: 10 }, () => ({
        ...{ url: 'https://waits.example.com/', timestamp: new Date().toISOString() },
        ...{ visitor_ip: '192.0.2.1', user_agent: 'Firefox' },
      }));
      const answer = await ask(gateway.base, 'POST /api/ingest/server/pageview', { token: site.token, body });
      expect(answer.status).toBe(202);
    }
    await gateway.stop('SIGKILL');
    await release();
    const waiting = examine({ SLUICE_DATA_DIR: own.path });
    expect(waiting.all.map(({ says }) => says)).toContain(
      '50 record(s) wait for Postgres, or were written in the last second',
    );
    const folder = join(own.path, 'journal');
    const name = (await readdir(folder)).find((each) => each.endsWith('.journal')) ?? '';
    const file = await open(join(folder, name), 'r+');
    await file.write(Buffer.from([255]), 0, 1, 200);
    await file.close();
    const spoilt = examine({ SLUICE_DATA_DIR: own.path });
    expect(spoilt.code).toBe(1);
    expect(spoilt.bad).toEqual([expect.stringMatching(/^error journal: 1 place\(s\) cannot be read/)]);
    await own.remove();
  });

  it('looks at the journals of all processes', async () => {
    await database.sql`ALTER TABLE hits RENAME TO hits_away`;
    const own = await makeDirectory();
    const environment = { SLUICE_DATA_DIR: own.path, SLUICE_PROCESSES: '2' };
    const more = { DATABASE_URL: database.url, SLUICE_STOP_TIMEOUT: '300ms' };
    const gateway = await startProcess({ ...environment, ...more });
    const site = await createDemoSite(database.sql, 'many.example.com');
    expect(new Set(await sendRecords(gateway.port, site, 40))).toEqual(new Set([202]));
    expect(await gateway.stop('SIGTERM')).toBe(0);
    await database.sql`ALTER TABLE hits_away RENAME TO hits`;
    const { all } = examine(environment);
    expect(all.map(({ says }) => says)).toEqual(
      expect.arrayContaining([
        '2 segment(s), all readable',
        '40 record(s) wait for Postgres, or were written in the last second',
      ]),
    );
    await own.remove();
  });

  it('says what is kept how long, what will be dropped, and what keeps months from being made', async () => {
    await database.sql`CREATE TABLE events_2020_02 PARTITION OF events FOR VALUES FROM ('2020-02-01') TO ('2020-03-01')`;
    await database.sql`CREATE TABLE rest PARTITION OF ai_fetches DEFAULT`;
    const { code, bad, all } = examine({ SLUICE_RETENTION_EVENTS: '400d' });
    await database.sql`DROP TABLE events_2020_02, rest`;
    expect(code).toBe(0);
    expect(bad).toEqual([
      expect.stringMatching(/^warning tables: events_2020_02: older than SLUICE_RETENTION_EVENTS/),
      expect.stringMatching(/^warning tables: ai_fetches has a default partition, rest:/),
    ]);
    expect(all.map(({ says }) => says)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^hits: \d+ month\(s\), \d+ MiB, kept for ever$/),
        'events: 1 month(s), 0 MiB, kept 400 day(s)',
        'unread_lines: 0 month(s), 0 MiB, kept 90 day(s)',
      ]),
    );
  });

  it('says when the schema is behind, an account does not add up, Redis is gone, or a setting is none', async () => {
    const server = openTestPool(inject('postgresUrl'));
    const name = `doctor_${randomUUID().slice(0, 8)}`;
    await server.unsafe(`CREATE DATABASE ${name}`);
    const empty = examine({ DATABASE_URL: inject('postgresUrl').replace(/[^/]*$/, name) });
    expect(empty.bad).toEqual([expect.stringMatching(/^error schema: At version 0; .*run 'sluice migrate'/)]);
    await server.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
    const [client, node] = [randomUUID(), randomUUID()];
    await database.sql`
      INSERT INTO client_ledgers VALUES (${client}, ${node}, 'gw', 5, 3, 0, 0, 0, 0, 1, now())`;
    const unbalanced = examine({ REDIS_URL: 'redis://127.0.0.1:1' });
    await database.sql`DELETE FROM client_ledgers WHERE client_id = ${client}`;
    expect(unbalanced.code).toBe(1);
    expect(unbalanced.bad).toEqual([
      expect.stringContaining(`error accounts: Client ${client} on gw:`),
      expect.stringMatching(/^warning Redis: It does not answer \(.*ECONNREFUSED/),
    ]);
    const away = examine({ DATABASE_URL: 'postgres://127.0.0.1:1/x' });
    expect(away.bad).toEqual([expect.stringMatching(/^error Postgres: .*look at DATABASE_URL/)]);
    const wrong = examine({ SLUICE_LIMIT_BURST: 'soon' });
    expect(wrong.bad).toEqual([expect.stringContaining('SLUICE_LIMIT_BURST must be a duration')]);
  });
});
