import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults } from '../torture/faults/faults.ts';
import { createLedger } from '../torture/ledger.ts';
import { torture } from '../torture/torture.ts';
import { createWorld, type World } from '../torture/world.ts';

const SECONDS = 35;

let world: World;
beforeAll(async () => {
  world = await createWorld({ gateways: 2 });
});
afterAll(() => world.close());

describe('every fault, several at a time', () => {
  it('costs nothing that was answered with 202, and stores nothing twice', { timeout: 180_000 }, async () => {
    const load = { clients: 16, recordsPerSecond: 4000, paddingBytes: 0, hangUpShare: 0.004 };
    const values = { ...load, seed: 7, seconds: SECONDS, faults };
    const result = await torture(values, world, createLedger(), () => undefined);
    expect(result.findings).toEqual([]);
    expect(result.balance).toMatchObject({ examples: [], quarantined: 0 });
    expect(result.isKept).toBe(true);
    expect(result.balance.promised).toBeGreaterThan(20_000);
    expect([...result.injected.values()].filter((times) => times > 0).length).toBeGreaterThan(12);
  });
});
