/** The bench at a small size: it asserts that every variant keeps what it is sent, never how fast. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { benchAgainst } from '../../bench/against.ts';
import { ensureProgram } from '../../bench/program.ts';
import { findForm, forms } from '../../bench/table/forms.ts';
import { VARIANTS } from '../../bench/table/fronts.ts';
import { openField, proveEntries, race, type Field } from '../../bench/table/race.ts';
import { checkStored } from '../../bench/table/stored.ts';
import { createCheck } from '../../bench/variants/checks.ts';
import { createHeld } from '../../bench/variants/held.ts';
import { startNodeHttp } from '../../bench/variants/node-http.ts';
import { openWorld, type World } from '../../bench/world.ts';

const REQUESTS = 200;

let world: World;
let field: Field;

beforeAll(async () => {
  ensureProgram('wrk', 'wrk');
  world = await openWorld();
  field = await openField(world, VARIANTS);
}, 120_000);
afterAll(async () => {
  await field.stop();
  await world.close();
});

const tell = (): void => undefined;

describe('a race', { timeout: 120_000 }, () => {
  it.each(VARIANTS.filter((variant) => variant !== 'bare'))(
    'finds in Postgres, or in memory, what %s was sent',
    async (variant) => {
      const entries = [{ name: variant, variant, form: findForm('pageview') }];
      await expect(proveEntries(world, field, entries, tell)).resolves.toBeUndefined();
    },
  );

  it.each(forms.map((form) => ({ name: form.name, form })))(
    'finds in Postgres what was sent as $name',
    async ({ name, form }) => {
      const entries = [{ name, variant: 'journal' as const, form }];
      await expect(proveEntries(world, field, entries, tell)).resolves.toBeUndefined();
    },
  );

  it('measures each of its entries once in every round', async () => {
    const form = findForm('pageview');
    const entries = (['journal', 'insert'] as const).map((variant) => ({ name: variant, variant, form }));
    const values = { rounds: 1, seconds: 1, requestsMax: REQUESTS };
    const result = await race(world, field, entries, values, tell);
    for (const measured of Object.values(result)) {
      expect(Object.keys(measured)).toEqual(['journal', 'insert']);
      for (const rounds of Object.values(measured)) expect(rounds).toHaveLength(1);
    }
    expect(result.requestsPerSecond['journal']?.[0]).toBeGreaterThan(0);
  });
});

describe('a variant that does not keep everything', () => {
  it.each([
    ['loses a record', (records: readonly unknown[], call: number) => (call === 3 ? [] : records)],
    [
      'keeps one twice',
      (records: readonly unknown[], call: number) => (call === 3 ? records.concat(records) : records),
    ],
  ])('is disqualified when it %s', async (_what, alter) => {
    const held = createHeld();
    let calls = 0;
    const server = await startNodeHttp(await createCheck(world.postgres.url), {
      keep: (records) => held.keep(alter(records, calls++) as typeof records),
      take: () => held.take(),
    });
    const form = findForm('event');
    const requests = form.make(field.senders, 10, false);
    await expect(checkStored(world.sql, server.port, form, requests, true)).rejects.toThrow('disqualified');
    server.close();
  });
});

describe('a race against another checkout', { timeout: 120_000 }, () => {
  it('has figures for both, of each form', async () => {
    const checkout = join(import.meta.dirname, '../..');
    const names = ['pageview', 'array of 100 events'];
    const results = await benchAgainst({ rounds: 1, seconds: 1, checkout, forms: names }, tell);
    expect(results.map(({ form }) => form)).toEqual(names);
    for (const { recordsPerSecond } of results) {
      expect(Object.keys(recordsPerSecond)).toEqual(['journal', 'other']);
      for (const { median } of Object.values(recordsPerSecond)) expect(median).toBeGreaterThan(0);
    }
  });
});
