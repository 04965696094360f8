/** The senders of docs/clients.md, as they stand there: every record is one row, though the gateway is killed in between. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, type DemoSite, type GatewayProcess } from '../setup/gateway.ts';
import { startOn } from './restart.ts';

const DOCS = join(import.meta.dirname, '../../docs');

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let gateway: GatewayProcess;
let site: DemoSite;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  directory = await makeDirectory();
  gateway = await startOn(0, database, directory.path);
  site = await createDemoSite(database.sql, `${randomUUID()}.example.com`);
});
afterEach(async () => {
  await gateway.stop('SIGTERM');
  await directory.remove();
});

async function killAndRestart(): Promise<void> {
  await gateway.stop('SIGKILL');
  await sleep(300);
  gateway = await startOn(gateway.port, database, directory.path);
}

async function countRows(table: 'hits' | 'events' | 'ai_fetches'): Promise<number> {
  const [row] = await database.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM ${database.sql(table)} WHERE site_id = ${site.siteId}`;
  return row?.count ?? 0;
}

interface Sender {
  track(record: object): boolean;
  close(): Promise<void>;
}

describe('the sender for Node', () => {
  it('brings every record, once, through two kills', { timeout: 60_000 }, async () => {
    const module = (await import(join(DOCS, 'clients/sender.mjs'))) as {
      createSender: (options: object) => Sender;
    };
    const refused: unknown[] = [];
    const sender = module.createSender({
      url: gateway.base,
      token: site.token,
      onRefused: (_status: number, answer: { errors: { id: string }[] }) => refused.push(...answer.errors),
    });
    const page = { type: 'pageview', url: `https://${site.domain}/`, visitor_ip: '192.0.2.1' };
    for (let count = 0; count < 6000; count++) {
      expect(sender.track({ ...page, user_agent: 'Firefox' })).toBe(true);
      if (count % 50 === 0) await sleep(2);
      if (count === 2000 || count === 4000) await killAndRestart();
    }
    sender.track(page);
    await sender.close();
    await expect.poll(() => countRows('hits'), { timeout: 20_000 }).toBe(6000);
    expect(refused).toMatchObject([{ code: 'field_required', field: 'user_agent' }]);
  });
});

describe('the commands for curl', () => {
  it('are three pageviews and an event, and run again the same', async () => {
    const [, script = ''] = /```sh\n([\s\S]*?)```/.exec(readFileSync(join(DOCS, 'clients.md'), 'utf8')) ?? [];
    const now = new Date().toISOString();
    // At one time: the records of both runs are the same.
    const fixed = script.replace(/^NOW=.*$/m, `NOW=${now}`);
    const env = { PATH: process.env['PATH'], URL: gateway.base, TOKEN: site.token, DOMAIN: site.domain };
    for (let run = 0; run < 2; run++) {
      const output = await new Promise<string>((resolve, reject) =>
        execFile('bash', ['-ec', fixed], { env }, (error, stdout) =>
          error === null ? resolve(stdout) : reject(error),
        ),
      );
      expect(output).toContain('"accepted":2');
      expect(output).toContain('"accepted":1');
    }
    await expect.poll(() => countRows('events'), { timeout: 10_000 }).toBe(1);
    await expect.poll(() => countRows('hits'), { timeout: 10_000 }).toBe(3);
  });
});

describe('the Lambda', () => {
  const event = { Records: [{ s3: { bucket: { name: 'logs' }, object: { key: 'cdn/E2%2BX+1.gz' } } }] };
  type Handler = (event: object, context: object, readObject: object) => Promise<void>;

  it('forwards a file as it lies in S3, throws when it could not, and makes no row twice', async () => {
    const { handler } = (await import(join(DOCS, 'clients/lambda.mjs'))) as { handler: Handler };
    const keys: string[] = [];
    const file = readFileSync(
      join(import.meta.dirname, '../formats/samples/E2EXAMPLE123.2026-10-12-12.a1b2c3d4.gz'),
    );
    const readObject = async (bucket: string, key: string): Promise<Buffer> => {
      keys.push(`${bucket} ${key}`);
      return file;
    };
    Object.assign(process.env, {
      SLUICE_URL: gateway.base,
      SLUICE_SITE: site.siteId,
      SLUICE_CLIENT_TOKEN: site.token,
    });
    await handler(event, {}, readObject);
    await handler(event, {}, readObject);
    expect(keys[0]).toBe('logs cdn/E2+X 1.gz');
    await expect.poll(() => countRows('ai_fetches'), { timeout: 10_000 }).toBe(3);
    process.env['SLUICE_CLIENT_TOKEN'] = 'slc_nobody';
    await expect(handler(event, {}, readObject)).rejects.toThrow(/E2\+X 1\.gz: 401 /);
    expect(await countRows('ai_fetches')).toBe(3);
  });
});
