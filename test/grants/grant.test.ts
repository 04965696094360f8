import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRoles, writeRoles, type RoleEntry, type SiteRole } from '../../src/grants/grant.ts';
import { createMeter } from '../../src/grants/limit.ts';

const role = fc.constantFrom<SiteRole>('owner', 'admin', 'editor', 'viewer');
const entries = fc.uniqueArray(
  fc.tuple(fc.uuid(), role, fc.option(role)).map((entry): RoleEntry => entry),
  { selector: ([siteId]) => siteId, maxLength: 4 },
);

describe('the roles of a grant', () => {
  it('are those that were given, on each site and on no other, and come out as they went in', () => {
    fc.assert(
      fc.property(entries, fc.uuid(), (given, elsewhere) => {
        const roles = readRoles(given);
        for (const [siteId, granted, current] of given) {
          expect(roles.siteRoles.get(siteId)).toBe(granted);
          expect(roles.currentRoles.get(siteId)).toBe(current ?? undefined);
        }
        if (!given.some(([siteId]) => siteId === elsewhere)) {
          expect(roles.siteRoles.get(elsewhere)).toBeUndefined();
          expect(roles.currentRoles.get(elsewhere)).toBeUndefined();
        }
        expect(roles.siteRoles.size).toBe(given.length);
        expect([...roles.siteRoles]).toEqual(given.map(([siteId, granted]) => [siteId, granted]));
        const grant = { ...roles, clientId: '', tokenHash: '', version: 1, expiresAtMs: 0, limits: null };
        expect(writeRoles({ ...grant, meter: createMeter(), isVoid: false })).toEqual(given);
      }),
    );
  });
});
