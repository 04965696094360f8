/** Describes faults as tests: each alone, under load on two gateways, with one Postgres and one Redis for all of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../torture/fault.ts';
import { faults } from '../torture/faults/faults.ts';
import { createLedger } from '../torture/ledger.ts';
import { endure } from '../torture/torture.ts';
import { createWorld, type World, type WorldValues } from '../torture/world.ts';

export interface Expected {
  readonly fault: string;
  /** Where it is none that every machine can inject. */
  readonly ownFault?: Fault;
  /** What is promised, as the end of a sentence that begins with the fault. */
  readonly promise: string;
  readonly holdMs: number;
  /** What clients may see while it lasts, beside 202. */
  readonly seen?: readonly string[];
  /** What clients must see: else the fault was not felt. */
  readonly mustSee?: string;
  /** What a gateway must have warned of: else the fault was not felt. */
  readonly warned?: RegExp;
  readonly paddingBytes?: number;
  readonly recordsPerSecond?: number;
}

/** One record in some hundred is not valid, and one sender in some thousand is too slow for the gateway's timeouts. */
const ALWAYS = ['202', '400 field_invalid'];
const LOAD = { seed: 1, clients: 16, recordsPerSecond: 4000, hangUpShare: 0 };

export function describeFaults(
  title: string,
  expected: readonly Expected[],
  worldOf: () => Promise<WorldValues> | WorldValues = () => ({ gateways: 2 }),
): void {
  describe(title, () => {
    const ledger = createLedger();
    let world: World;
    beforeAll(async () => {
      world = await createWorld(await worldOf());
    });
    afterAll(() => world.close());

    it.each(expected)('$fault $promise', { timeout: 180_000 }, async (row) => {
      const fault = row.ownFault ?? faults.find((each) => each.name === row.fault);
      if (fault === undefined) throw new Error(`there is no fault ${row.fault}`);
      const { paddingBytes = 0, recordsPerSecond = LOAD.recordsPerSecond } = row;
      const load = { ...LOAD, paddingBytes, recordsPerSecond };
      const { balance, findings, during, warnings } = await endure(fault, row.holdMs, load, world, ledger);
      expect(findings).toEqual([]);
      expect(balance).toMatchObject({
        missing: 0,
        twice: 0,
        invented: 0,
        refusedStored: 0,
        quarantined: 0,
        examples: [],
      });
      expect(balance.promised).toBeGreaterThan(1000);
      if (row.fault !== 'journal-flipped-byte') expect(balance.damaged).toBe(0);
      const surprises = Object.keys(during).filter(
        (seen) => ![...ALWAYS, ...(row.seen ?? [])].includes(seen),
      );
      expect(surprises).toEqual([]);
      if (row.mustSee !== undefined) expect(Object.keys(during)).toContain(row.mustSee);
      if (row.warned !== undefined) expect([...warnings.keys()].join('\n')).toMatch(row.warned);
    });
  });
}
