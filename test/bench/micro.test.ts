/** The benches of single parts at a small size: they throw when a part does not do what it is timed for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchCores } from '../../bench/micro/cores.ts';
import { benchCrowd } from '../../bench/micro/crowd.ts';
import { gatherCrowd } from '../../bench/micro/gather.ts';
import type { Found } from '../../bench/micro/line.ts';
import { benchLogFiles } from '../../bench/micro/log-files.ts';
import { benchRecovery } from '../../bench/micro/recovery.ts';
import { benchSizes } from '../../bench/micro/sizes.ts';
import { benchSustained } from '../../bench/micro/sustained.ts';
import { benchTokens } from '../../bench/micro/token-check.ts';
import { benchWriter } from '../../bench/micro/writer.ts';
import { ensureProgram } from '../../bench/program.ts';
import { measureLatency } from '../../bench/table/paced.ts';
import { openField } from '../../bench/table/race.ts';
import { openWorld, type World } from '../../bench/world.ts';

let world: World;
beforeAll(async () => {
  ensureProgram('wrk', 'wrk');
  ensureProgram('psql', 'postgresql-client');
  world = await openWorld();
}, 120_000);
afterAll(() => world.close());

const tell = (): void => undefined;

function expectFigures(found: Found, figures: readonly string[], lines: number): void {
  expect(Object.keys(found.figures)).toEqual(figures);
  for (const { median } of Object.values(found.figures)) expect(median).toBeGreaterThanOrEqual(0);
  expect(found.lines).toHaveLength(lines);
  for (const { measured } of found.lines) expect(measured.median).toBeGreaterThanOrEqual(0);
}

describe('a bench of one part', { timeout: 120_000 }, () => {
  it('finds what a core costs beside a busy one', async () => {
    expectFigures(await benchCores({ rounds: 1 }, tell), [], 1);
  });

  it('writes the same rows as psql', async () => {
    expectFigures(await benchWriter(world, { rounds: 1, rows: 2000 }, tell), ['writer'], 4);
  });

  it('recovers every entry of a journal', async () => {
    expectFigures(await benchRecovery(world, { rounds: 1, journalBytes: 2_000_000 }, tell), [], 2);
  });

  it('finds the grants of a crowd in memory, in Redis and in Postgres', async () => {
    const crowd = await gatherCrowd(world, 300, tell);
    try {
      const tokens = await benchTokens(world, crowd, { rounds: 1, checks: 600, lookups: 50 }, tell);
      expectFigures(tokens, ['token', 'tokenToHash'], 6);
      const crowded = await benchCrowd(world, crowd, { rounds: 1, seconds: 1, cached: 100 }, tell);
      expectFigures(crowded, ['memory', 'clients'], 2);
    } finally {
      await crowd.close();
    }
  });

  it('stores every fetch of a log file, weighs every kind of record, stores all of a long load, and times what is due', async () => {
    const field = await openField(world, ['journal', 'postgres']);
    try {
      const files = { rounds: 1, files: 2, linesPerFile: 100 };
      expectFigures(await benchLogFiles(world, field, files, tell), [], 1);
      expectFigures(await benchSizes(world, field, { rows: 300 }, tell), [], 6);
      const values = { seconds: 1, turns: 1, copyRows: 1000 };
      expectFigures(await benchSustained(world, field, values, tell), ['sustained'], 2);
      const paced = { rounds: 1, measuredMs: 300, requestsPerSecondMax: 500 };
      const { speeds, figures } = await measureLatency(world, field, ['journal'], paced, tell);
      expect(figures.tail?.median).toBeGreaterThanOrEqual(1);
      expect(speeds[0]?.p99.median).toBeGreaterThanOrEqual(speeds[0]?.p50.median ?? NaN);
    } finally {
      await field.stop();
    }
  });
});
