/** Runs once before all tests: a real Postgres and a real Redis on free ports, stopped at the end. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/store/embedded.ts';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A server, not a database: `createDatabase` makes one for each test file. */
    postgresUrl: string;
    redisUrl: string;
  }
}

export default async function startServices(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await chmod(directory, 0o711);
  const postgres = await startEmbeddedPostgres({ directory });
  const redis = await startRedis().catch(async (error: unknown) => {
    await postgres.close();
    throw error;
  });
  project.provide('postgresUrl', postgres.url);
  project.provide('redisUrl', redis.url);
  return async () => {
    await Promise.all([postgres.close(), redis.close()]);
    if (postgres.placed !== null) await rm(postgres.placed, { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
  };
}
