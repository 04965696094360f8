import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureProgram } from '../../bench/program.ts';
import { findForm } from '../../bench/table/forms.ts';
import { readMetric, startVariant, WITH_METRICS, type ServerProcess } from '../../bench/table/process.ts';
import { shoot, writeRequests } from '../../bench/table/wrk.ts';
import { createSenders, openWorld, type World } from '../../bench/world.ts';

const OLD_SPACE = 'nodejs_heap_space_size_used_bytes{space="old"}';
const SLICES = 7;
const SLICE_REQUESTS = 15_000;
/** Of a request's some 5 KB of objects. Where those that wait for the disk are taken for old ones, it is 200 to 400. */
const OLD_BYTES_MAX = 100;

let world: World;
let gateway: ServerProcess;
let directory: string;

beforeAll(async () => {
  ensureProgram('wrk', 'wrk');
  world = await openWorld();
  directory = await mkdtemp(join(tmpdir(), 'sluice-heap-'));
  const environment = { ...WITH_METRICS, DATABASE_URL: world.postgres.url, SLUICE_DATA_DIR: directory };
  gateway = await startVariant('journal', environment);
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await world.close();
  await rm(directory, { recursive: true, force: true });
});

describe('the memory of a gateway under load', () => {
  it('has no old objects of requests that are answered', { timeout: 120_000 }, async () => {
    const { port } = gateway;
    const form = findForm('pageview');
    const file = join(directory, 'heap.requests');
    await writeRequests(file, form.make(await createSenders(world.sql, 'bench.example.com', 4), 64, false));
    const growth: number[] = [];
    for (let slice = 0; slice < SLICES; slice++) {
      const before = await readMetric(port, OLD_SPACE);
      const load = { port, file, connections: 256, seconds: 20, requestsMax: SLICE_REQUESTS };
      const { requests } = await shoot(load);
      growth.push(((await readMetric(port, OLD_SPACE)) - before) / requests);
    }
    // The first are those in which code is compiled.
    expect(Math.max(...growth.slice(2))).toBeLessThan(OLD_BYTES_MAX);
  });
});
