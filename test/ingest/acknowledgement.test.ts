import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPreference } from '../../src/ingest/acknowledgement.ts';

describe('the preferred durability', () => {
  it.each([
    ['durability=postgres', 'postgres'],
    ['durability="journal"', 'journal'],
    ['Durability = POSTGRES', 'postgres'],
    ['respond-async, wait=5, durability=postgres;foo=bar', 'postgres'],
    ['durability=memory', null],
    ['durability=postgresql', null],
    ['xdurability=postgres', null],
    ['', null],
  ])('of %j is %j', (prefer, durability) => {
    expect(readPreference(prefer)).toBe(durability);
  });

  it('is found in any header without trouble', () => {
    fc.assert(
      fc.property(fc.string(), (prefer) => {
        expect([null, 'journal', 'postgres']).toContain(readPreference(prefer));
      }),
    );
  });
});
