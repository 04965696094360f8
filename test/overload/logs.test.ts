/** A log costs memory for a part of it, however many lines it unpacks to: a gateway with little memory takes it. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import {
  createDemoSite,
  makeDirectory,
  startProcess,
  type DemoSite,
  type GatewayProcess,
} from '../setup/gateway.ts';

let database: TestDatabase;
let directory: Awaited<ReturnType<typeof makeDirectory>>;
let gateway: GatewayProcess;
let site: DemoSite;

beforeAll(async () => {
  [database, directory] = await Promise.all([createDatabase(), makeDirectory()]);
  gateway = await startProcess({
    DATABASE_URL: database.url,
    SLUICE_DATA_DIR: directory.path,
    NODE_OPTIONS: '--max-old-space-size=192',
  });
  site = await createDemoSite(database.sql, 'logs.example.com');
});
afterAll(async () => {
  await gateway.stop('SIGKILL');
  await database.close();
  await directory.remove();
});

async function deliver(path: string, body: Buffer): Promise<{ status: number; body: object }> {
  const answer = await fetch(`${gateway.base}/api/sites/${site.siteId}/ingest/${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${site.token}`, 'Content-Encoding': 'gzip' },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as object };
}

describe('a log', () => {
  it('of 400,000 lines is read', async () => {
    // Noise, so that it does not unpack to more than may be.
    const log = Buffer.concat([randomBytes(50_000), Buffer.from('\nxx'.repeat(400_000))]);
    const answer = await deliver('access-log?validate_only=1', gzipSync(log));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ rejected: 0, errors: [] });
    expect((answer.body as { received: number }).received).toBeGreaterThan(400_000);
  });

  it.each([
    ['is read', 20, 200],
    ['up to a bound: beyond it the delivery is refused', 40, 400],
  ])('in records that are compressed each by itself %s', async (_, count, status) => {
    const data = gzipSync(Buffer.alloc(15 * 1024 * 1024, 'x')).toString('base64');
    const records = Array.from({ length: count }, () => ({ data }));
    const envelope = JSON.stringify({ requestId: 'r', timestamp: 1, records });
    const answer = await deliver('firehose', gzipSync(envelope));
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ requestId: 'r' });
  });
});
