import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded.ts';
import { openTestPool } from '../setup/database.ts';

const folders: string[] = [];
afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

async function makeFolder(mode: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-embedded-'));
  spawnSync('chmod', [mode.toString(8), folder]);
  folders.push(folder);
  return folder;
}

async function countRows(server: EmbeddedPostgres): Promise<number> {
  const sql = openTestPool(server.url);
  await sql`CREATE TABLE IF NOT EXISTS kept (n int)`;
  await sql`INSERT INTO kept VALUES (1)`;
  const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM kept`;
  await sql.end();
  return row?.n ?? 0;
}

describe('the embedded Postgres', () => {
  it('keeps its data between starts', async () => {
    const directory = join(await makeFolder(0o755), 'data');
    const first = await startEmbeddedPostgres({ directory });
    expect(await countRows(first)).toBe(1);
    await first.close();
    const second = await startEmbeddedPostgres({ directory });
    expect(await countRows(second)).toBe(2);
    await second.close();
  });

  it('is joined, not started twice, when it still runs from an earlier start', async () => {
    const directory = join(await makeFolder(0o755), 'data');
    const first = await startEmbeddedPostgres({ directory });
    const second = await startEmbeddedPostgres({ directory });
    expect(second.joined).toBe(true);
    expect(second.pid).toBe(first.pid);
    expect(await countRows(second)).toBe(1);
    await second.close();
  });

  it('runs although its folder lies under one that only its owner may enter', async () => {
    const directory = join(await makeFolder(0o700), 'data');
    const server = await startEmbeddedPostgres({ directory });
    if (server.placed !== null) folders.push(server.placed);
    expect(await countRows(server)).toBe(1);
    await server.close();
  });
});
