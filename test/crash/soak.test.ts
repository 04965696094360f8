import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../torture/ledger.ts';
import { summarizeTenths } from '../torture/meter.ts';
import { torture } from '../torture/torture.ts';
import { createWorld, type World } from '../torture/world.ts';

const SECONDS = 30;
/** What Node's collector may leave lying about from one half of the run to the other. */
const SLACK_MIB = 80;

let world: World;
beforeAll(async () => {
  world = await createWorld({ gateways: 1 });
});
afterAll(() => world.close());

describe('a gateway under load, with strangers at its door', () => {
  it('needs no more memory the longer it runs', { timeout: 120_000 }, async () => {
    const load = { seed: 3, clients: 16, recordsPerSecond: 6000, paddingBytes: 0, hangUpShare: 0.004 };
    const result = await torture(
      { ...load, seconds: SECONDS, faults: [] },
      world,
      createLedger(),
      () => undefined,
    );
    expect(result.findings).toEqual([]);
    expect(result.isKept).toBe(true);
    expect(result.balance.promised).toBeGreaterThan(50_000);
    expect(result.strangers.get('a bomb: 413')).toBeGreaterThan(10);
    const [usage] = result.usage;
    const tenths = summarizeTenths(usage?.residentMib ?? []);
    expect(tenths[9]).toBeGreaterThan(0);
    expect(tenths[9]).toBeLessThan((tenths[4] ?? 0) + SLACK_MIB);
  });
});
