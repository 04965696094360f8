import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countByClient } from '../../src/drain/batch.ts';
import { createLedger, isBalanced } from '../../src/drain/ledger.ts';
import { CLIENT, makeHit } from '../setup/rows.ts';

const OTHER = '99999999-7777-4888-9999-aaaaaaaaaaaa';

/** As the drain hands it over. */
const rowsOf = (clientId: string, rows: number, unread = 0, recovered = 0) => ({
  ...{ clientId, rows, unread },
  recovered: { rows: recovered, unread: 0 },
});

describe('the ledger', () => {
  it('has every record in one place at any moment', () => {
    const ledger = createLedger('');
    for (let count = 0; count < 10; count++) ledger.append(CLIENT);
    ledger.refuse(CLIENT, 3);
    ledger.skip(CLIENT, 2);
    expect(ledger.accounts().get(CLIENT)).toMatchObject({ received: 15, waiting: 10 });
    ledger.noteDuplicates(CLIENT, 2);
    ledger.noteQuarantined(CLIENT);
    ledger.settle([rowsOf(CLIENT, 8, 1)]);
    expect(ledger.accounts().get(CLIENT)).toEqual({
      ...{ received: 15, stored: 4, duplicate: 2, quarantined: 2, rejected: 3, skipped: 2, waiting: 2 },
    });
    // The notes were of that chunk alone.
    ledger.settle([rowsOf(CLIENT, 2)]);
    expect(ledger.accounts().get(CLIENT)).toMatchObject({ stored: 6, duplicate: 2, waiting: 0 });
  });

  it('survives a restart: what waited is nobody’s until it is written, and then its client’s', () => {
    const before = createLedger('');
    for (let count = 0; count < 5; count++) before.append(CLIENT);
    before.settle([rowsOf(CLIENT, 2)]);
    before.refuse(OTHER, 1);
    const after = createLedger(before.print());
    expect(after.nodeId).toBe(before.nodeId);
    expect(after.accounts().get(CLIENT)).toMatchObject({ received: 2, stored: 2, waiting: 0 });
    expect(after.accounts().get(OTHER)).toMatchObject({ received: 1, rejected: 1 });
    after.append(CLIENT);
    after.settle([rowsOf(CLIENT, 1, 0, 3)]);
    expect(after.accounts().get(CLIENT)).toMatchObject({ received: 6, stored: 6, waiting: 0 });
  });

  it('is balanced after any history', () => {
    const step = fc.tuple(
      fc.constantFrom(CLIENT, OTHER),
      fc.constantFrom('append', 'refuse', 'skip', 'settle', 'restart'),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let ledger = createLedger('');
        let waiting = new Map<string, number>();
        let recovered = new Map<string, number>();
        for (const [clientId, action] of steps) {
          const inJournal = waiting.get(clientId) ?? 0;
          if (action === 'append') {
            ledger.append(clientId);
            waiting.set(clientId, inJournal + 1);
          } else if (action === 'refuse') ledger.refuse(clientId, 2);
          else if (action === 'skip') ledger.skip(clientId, 3);
          else if (action === 'settle') {
            const found = recovered.get(clientId) ?? 0;
            if (inJournal + found > 1) ledger.noteDuplicates(clientId, 1);
            ledger.settle([rowsOf(clientId, inJournal, 0, found)]);
            waiting.delete(clientId);
            recovered.delete(clientId);
          } else {
            recovered = new Map(
              [CLIENT, OTHER].map((id) => [id, (recovered.get(id) ?? 0) + (waiting.get(id) ?? 0)]),
            );
            waiting = new Map();
            ledger = createLedger(ledger.print());
          }
          for (const account of ledger.accounts().values()) expect(isBalanced(account)).toBe(true);
        }
      }),
    );
  });

  it('begins anew from what it cannot read', () => {
    for (const text of ['', 'x', '{}', '[]', '{"node":1}', 'null'])
      expect(createLedger(text).accounts().size).toBe(0);
  });

  it('gives what has changed once, and again when it is put back', () => {
    const ledger = createLedger('');
    const clientId = randomUUID();
    ledger.append(clientId);
    const taken = ledger.takeChanged();
    expect([...taken.keys()]).toEqual([clientId]);
    expect(ledger.takeChanged().size).toBe(0);
    ledger.putBack(taken.keys());
    expect(ledger.takeChanged().size).toBe(1);
  });
});

describe('a chunk', () => {
  it('is counted by client, and by what was there before this process', () => {
    const entries = Buffer.concat(Array.from({ length: 5 }, () => makeHit()));
    expect(countByClient(entries, 2)).toEqual([
      { clientId: CLIENT, rows: 3, unread: 0, recovered: { rows: 2, unread: 0 } },
    ]);
    expect(countByClient(entries, -7)).toMatchObject([{ rows: 5, recovered: { rows: 0 } }]);
    expect(countByClient(entries, 9)).toMatchObject([{ rows: 0, recovered: { rows: 5 } }]);
  });
});
