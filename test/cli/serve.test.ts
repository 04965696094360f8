import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createSite } from '../../src/admin/sites/site.ts';
import { ensureDefaultTeam } from '../../src/admin/teams/team.ts';
import { changeAs } from '../../src/cli/admin/author.ts';
import { createTeamClient, revokeById } from '../../src/cli/admin/client.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, startProcess, type GatewayProcess } from '../setup/gateway.ts';
import { readStatuses, speak, type Heard } from '../setup/socket.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');
let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  database = await createDatabase();
  directory = await makeDirectory();
  await chmod(directory.path, 0o711);
});
afterAll(async () => {
  await database.close();
  await directory.remove();
});

const start = (more: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> =>
  startProcess({ DATABASE_URL: database.url, SLUICE_DATA_DIR: join(directory.path, 'data'), ...more });

function record(domain: string): string {
  return JSON.stringify({
    url: `https://${domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  });
}

async function post(gateway: GatewayProcess, token: string, domain: string): Promise<number> {
  const answer = await fetch(`${gateway.base}/api/ingest/server/pageview`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: record(domain),
  });
  return answer.status;
}

/** Sends until the answer is `wanted`; returns how long that took. */
async function until(wanted: number, send: () => Promise<number>): Promise<number> {
  const started = performance.now();
  while ((await send()) !== wanted) {
    if (performance.now() - started > 10_000) throw new Error(`no ${wanted} within 10 s`);
    await sleep(10);
  }
  return performance.now() - started;
}

describe('a start', () => {
  it('with the port taken ends with exit code 1 and one line', async () => {
    const first = await start();
    const second = spawnSync(process.execPath, [PROGRAM, 'serve'], {
      encoding: 'utf8',
      timeout: 20_000,
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: database.url,
        SLUICE_DATA_DIR: join(directory.path, 'other'),
        SLUICE_HOST: '127.0.0.1',
        PORT: String(first.port),
      },
    });
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(
      /^sluice: Cannot listen on 127\.0\.0\.1:\d+: another process has the port\. .*\n$/,
    );
    expect(await first.stop('SIGTERM')).toBe(0);
  });

  it('on a data folder in use ends with one line', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(/ended with 1: .*in use by another gateway/s);
    expect(await first.stop('SIGTERM')).toBe(0);
  });

  it('with bad settings lists them all', async () => {
    await expect(start({ PORT: 'x', SLUICE_DURABILITY: 'none', SLUICE_TYPO: '1' })).rejects.toThrow(
      /3 problem\(s\):\n {2}PORT .*\n {2}SLUICE_DURABILITY .*\n {2}SLUICE_TYPO /s,
    );
  });

  it('with a Postgres that is not there ends with one line', async () => {
    await expect(start({ DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' })).rejects.toThrow(
      /ended with 1: sluice: .*ECONNREFUSED/s,
    );
  });

  it('without migrations refuses a database that lacks them', async () => {
    const bare = await createDatabase();
    await bare.sql`DELETE FROM sluice_migrations WHERE number > 1`;
    await expect(start({ DATABASE_URL: bare.url, SLUICE_MIGRATE: 'off' })).rejects.toThrow(
      /run 'sluice migrate' first/,
    );
    await bare.close();
  });

  it('takes Redis for its second tier, and works without it just as well', async () => {
    const site = await createDemoSite(database.sql, 'redis.example.com');
    const gateway = await start({ REDIS_URL: inject('redisUrl') });
    expect(await post(gateway, site.token, site.domain)).toBe(202);
    expect(await gateway.stop('SIGTERM')).toBe(0);
    const without = await start({ REDIS_URL: 'redis://127.0.0.1:1' });
    expect(await post(without, site.token, site.domain)).toBe(202);
    expect(await without.stop('SIGTERM')).toBe(0);
  });
});

describe('a running gateway', () => {
  it('sees a new site and a new client within a second, although both were refused just before', async () => {
    const gateway = await start();
    const site = await createDemoSite(database.sql, 'known.example.com');
    expect(await post(gateway, site.token, 'new.example.com')).toBe(404);
    const teamId = await ensureDefaultTeam(database.sql);
    const created = await changeAs(database.sql, 'test', (change) =>
      createSite(change, teamId, 'new.example.com'),
    );
    if (created.kind !== 'created') throw new Error(created.kind);
    // The site is there, and the token has no role on it: 404 has become 403.
    expect(await until(403, () => post(gateway, site.token, 'new.example.com'))).toBeLessThan(1000);
    const siteId = created.site.id;
    const { token } = await changeAs(database.sql, 'test', (change) =>
      createTeamClient(change, { teamId, siteId, name: 'new', role: 'owner', expiresAt: null }),
    );
    expect(await until(202, () => post(gateway, token, 'new.example.com'))).toBeLessThan(1000);
    expect(await gateway.stop('SIGTERM')).toBe(0);
  });

  it.each([
    ['Postgres alone', {}],
    ['Redis as second tier', { REDIS_URL: 'redis' }],
  ])('refuses a revoked token within a second, with %s', async (name, more) => {
    const site = await createDemoSite(database.sql, `revoke-${name.length}.example.com`);
    const gateway = await start('REDIS_URL' in more ? { REDIS_URL: inject('redisUrl') } : {});
    expect(await post(gateway, site.token, site.domain)).toBe(202);
    expect(await changeAs(database.sql, 'test', (change) => revokeById(change, site.clientId))).toBe(true);
    expect(await until(401, () => post(gateway, site.token, site.domain))).toBeLessThan(1000);
    for (let again = 0; again < 20; again++) expect(await post(gateway, site.token, site.domain)).toBe(401);
    expect(await gateway.stop('SIGTERM')).toBe(0);
  });

  it('refuses a token from the moment it expires', async () => {
    const gateway = await start();
    const expiresAt = new Date(Date.now() + 3000);
    const { token } = await createDemoSite(database.sql, 'expiry.example.com', 'admin', expiresAt);
    expect(await post(gateway, token, 'expiry.example.com')).toBe(202);
    await until(401, () => post(gateway, token, 'expiry.example.com'));
    expect(await gateway.stop('SIGTERM')).toBe(0);
  });
});

describe('a record that insists on Postgres', () => {
  it('is answered with 202 naming the journal when Postgres is late: it is kept, and arrives', async () => {
    const site = await createDemoSite(database.sql, 'late.example.com');
    const gateway = await start({ SLUICE_ACK_WAIT: '300ms' });
    await database.sql`ALTER TABLE hits RENAME TO hits_away`;
    const answer = await fetch(`${gateway.base}/api/ingest/server/pageview`, {
      method: 'POST',
      headers: { authorization: `Bearer ${site.token}`, prefer: 'durability=postgres' },
      body: record(site.domain),
    });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('preference-applied')).toBe('durability=journal');
    expect(await (await fetch(`${gateway.base}/readyz`)).json()).toMatchObject({
      status: 'ready',
      checks: { postgres: expect.stringContaining('does not take rows') },
    });
    await database.sql`ALTER TABLE hits_away RENAME TO hits`;
    expect(await gateway.stop('SIGTERM')).toBe(0);
    expect(await database.sql`SELECT 1 FROM hits WHERE site_id = ${site.siteId}`).toHaveLength(1);
  });
});

describe('a stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s answers what is in flight, empties the journal, exits with 0',
    async (signal) => {
      const site = await createDemoSite(database.sql, `stop-${signal.toLowerCase()}.example.com`);
      const gateway = await start();
      expect(await post(gateway, site.token, site.domain)).toBe(202);
      const answers = Array.from({ length: 200 }, () =>
        post(gateway, site.token, site.domain).catch(() => 0),
      );
      await sleep(5);
      expect(await gateway.stop(signal)).toBe(0);
      const accepted = (await Promise.all(answers)).filter((status) => status === 202).length + 1;
      const [row] = await database.sql<
        { n: number }[]
      >`SELECT count(*)::int AS n FROM hits WHERE site_id = ${site.siteId}`;
      expect(row?.n).toBe(accepted);
      expect(gateway.output()).toContain('"msg":"stopped"');
    },
  );

  it('first goes on taking records for as long as it is told, unready, and ends connections with their answers', async () => {
    const site = await createDemoSite(database.sql, 'delay.example.com');
    const gateway = await start({ SLUICE_STOP_DELAY: '3s' });
    const ask = (path: string): Promise<Heard> =>
      speak(gateway.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect((await ask('/readyz')).isClosed).toBe(false);
    const end = gateway.stop('SIGTERM');
    await until(503, async () => (await fetch(`${gateway.base}/readyz`)).status);
    expect(await post(gateway, site.token, site.domain)).toBe(202);
    const last = await ask('/healthz');
    expect(readStatuses(last)).toEqual([200]);
    expect(last.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(last.isClosed).toBe(true);
    expect(await end).toBe(0);
    expect(await database.sql`SELECT 1 FROM hits WHERE site_id = ${site.siteId}`).toHaveLength(1);
  });

  it('with Postgres away leaves the rest in the journal, exits with 0, and the next start stores it', async () => {
    const site = await createDemoSite(database.sql, 'away.example.com');
    const gateway = await start({ SLUICE_STOP_TIMEOUT: '500ms' });
    expect(await post(gateway, site.token, site.domain)).toBe(202);
    await sleep(200);
    await database.sql`ALTER TABLE hits RENAME TO hits_away`;
    expect(await post(gateway, site.token, site.domain)).toBe(202);
    expect(await gateway.stop('SIGTERM')).toBe(0);
    await database.sql`ALTER TABLE hits_away RENAME TO hits`;
    const next = await start();
    const count = async (): Promise<number> =>
      (await database.sql`SELECT 1 FROM hits WHERE site_id = ${site.siteId}`).length;
    for (let attempt = 0; attempt < 100 && (await count()) < 2; attempt++) await sleep(50);
    expect(await count()).toBe(2);
    expect(await next.stop('SIGTERM')).toBe(0);
  });

  it('is in order when npm passes a Ctrl-C on that has come already', async () => {
    const gateway = await start();
    gateway.process.kill('SIGINT');
    expect(await gateway.stop('SIGINT')).toBe(0);
    expect(gateway.output()).toContain('"msg":"stopped"');
  });

  it('by a second signal is over at once', async () => {
    const site = await createDemoSite(database.sql, 'twice.example.com');
    const gateway = await start({ SLUICE_STOP_TIMEOUT: '60s' });
    await database.sql`ALTER TABLE hits RENAME TO hits_away`;
    expect(await post(gateway, site.token, site.domain)).toBe(202);
    gateway.process.kill('SIGTERM');
    await sleep(300);
    expect(gateway.process.exitCode).toBeNull();
    expect(await gateway.stop('SIGTERM')).toBe(130);
    await database.sql`ALTER TABLE hits_away RENAME TO hits`;
    const next = await start();
    expect(await next.stop('SIGTERM')).toBe(0);
  });
});

describe('a first start without a database', () => {
  it(
    'makes a demo site, and prints a token and curl lines that work when pasted',
    { timeout: 60_000 },
    async () => {
      const data = join(directory.path, 'demo');
      const environment = { SLUICE_DATA_DIR: data };
      const gateway = await startProcess(environment);
      while (!gateway.output().includes('Ctrl-C')) await sleep(20);
      const printed = gateway.output();
      const curls = [...printed.matchAll(/ {2}(curl -i .* \\\n.*)\n/g)].map((match) => match[1] ?? '');
      const [signIn, ...records] = curls.toReversed();
      expect(records).toHaveLength(3);
      for (const line of records)
        expect(spawnSync('bash', ['-c', line], { encoding: 'utf8' }).stdout).toContain('202 Accepted');
      expect(spawnSync('bash', ['-c', signIn ?? ''], { encoding: 'utf8' }).stdout).toContain('200 OK');
      const create = / {2}(curl -b .*api-clients.*)\n/.exec(printed)?.[1] ?? '';
      expect(spawnSync('bash', ['-c', create], { encoding: 'utf8' }).stdout).toContain('"token":"slc_');
      const password = /shown only now: (\S+)\n {2}curl -i -c/.exec(printed)?.[1] ?? '';
      expect(password).toMatch(/^[\w-]{16}$/);
      const [, reference = ''] = /to read and to try: (\S+)\n/.exec(printed) ?? [];
      expect((await fetch(reference)).status).toBe(200);
      const token = /slc_[0-9A-Za-z]{49}/.exec(printed)?.[0] ?? '';
      // Without the folder they would work on another one.
      expect(printed.split('npm run').length).toBe(printed.split(`SLUICE_DATA_DIR=${data} npm run`).length);
      const queries = [...printed.matchAll(/npm run --silent sluice -- (query ".*")\n/g)].map(
        (match) => match[1] ?? '',
      );
      expect(queries).toHaveLength(3);
      for (const query of queries) {
        const command = `${process.execPath} ${PROGRAM} ${query}`;
        const shown = spawnSync('bash', ['-c', command], {
          encoding: 'utf8',
          env: { PATH: process.env['PATH'], ...environment },
        });
        expect(shown.stdout).toContain('1 row(s)');
      }
      expect(await gateway.stop('SIGINT')).toBe(0);
      const again = await startProcess(environment);
      expect(again.output()).not.toContain(token);
      expect(again.output()).not.toContain(password);
      expect(await again.stop('SIGTERM')).toBe(0);
    },
  );

  it('shows its token when it first listens, not when the port was taken', { timeout: 60_000 }, async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const environment = { SLUICE_DATA_DIR: join(directory.path, 'late') };
    await expect(startProcess({ ...environment, PORT: String(port) })).rejects.toThrow('Cannot listen');
    holder.close();
    const gateway = await startProcess({ ...environment, PORT: String(port) });
    expect(gateway.output()).toMatch(/shown only now: slc_/);
    expect(await gateway.stop('SIGTERM')).toBe(0);
  });

  it('goes on using its Postgres after a kill', { timeout: 60_000 }, async () => {
    const environment = { SLUICE_DATA_DIR: join(directory.path, 'demo') };
    const gateway = await startProcess(environment);
    await gateway.stop('SIGKILL');
    const again = await startProcess(environment);
    expect(await (await fetch(`${again.base}/readyz`)).json()).toMatchObject({ status: 'ready' });
    expect(await again.stop('SIGTERM')).toBe(0);
    // Nothing is left running: Postgres removes its pid file when it stops in order.
    expect(existsSync(join(directory.path, 'demo/database/postgres/PG_VERSION'))).toBe(true);
    expect(existsSync(join(directory.path, 'demo/database/postgres/postmaster.pid'))).toBe(false);
  });
});
