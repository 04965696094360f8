import { createMeter } from '../../src/grants/limit.ts';
import { describe, expect, it } from 'vitest';
import { mayManageData, type Grant, type SiteRole } from '../../src/grants/grant.ts';
import { createMemory } from '../../src/grants/memory.ts';

function makeGrant(
  tokenHash: string,
  version = 1,
  roles: readonly (readonly [string, SiteRole])[] = [],
): Grant {
  return {
    clientId: 'client',
    tokenHash,
    version,
    expiresAtMs: Infinity,
    siteRoles: new Map(roles),
    currentRoles: new Map(roles),
    limits: null,
    meter: createMeter(),
    isVoid: false,
  };
}

describe('the memory of grants', () => {
  it('keeps the object that requests hold when a refresh finds nothing new', () => {
    const memory = createMemory(10);
    const held = memory.keepGrant(makeGrant('a', 1, [['site', 'owner']]), 0, 0);
    expect(memory.keepGrant(makeGrant('a', 1, [['site', 'owner']]), 5, 65)).toBe(held);
    expect(memory.findGrant('a')).toMatchObject({ verifiedAtMs: 5, refreshAtMs: 65 });
    expect(held.grant.isVoid).toBe(false);
  });

  it.each([
    makeGrant('a', 2, [['site', 'owner']]),
    makeGrant('a', 1, [['site', 'viewer']]),
    makeGrant('a', 1, [['other', 'owner']]),
    makeGrant('a', 1),
    { ...makeGrant('a', 1, [['site', 'owner']]), expiresAtMs: 7 },
    {
      ...makeGrant('a', 1, [['site', 'owner']]),
      currentRoles: new Map<string, SiteRole>([['site', 'viewer']]),
    },
  ])('voids the object that requests hold when a refresh finds it changed', (changed) => {
    const memory = createMemory(10);
    const held = memory.keepGrant(makeGrant('a', 1, [['site', 'owner']]), 0, 0);
    expect(memory.keepGrant(changed, 5, 65).grant).toBe(changed);
    expect(held.grant.isVoid).toBe(true);
  });

  it('is not emptied of good grants by unknown tokens', () => {
    const memory = createMemory(10);
    memory.keepGrant(makeGrant('good'), 0, 0);
    for (let token = 0; token < 50_000; token++) {
      memory.keepNegative(String(token), { kind: 'denied', reason: 'unknown' }, 0);
    }
    expect(memory.findGrant('good')).toBeDefined();
    expect(memory.negativeCount()).toBeLessThanOrEqual(20_000);
  });

  it('drops a grant that is announced as changed, whatever its version, and voids what is older alone', () => {
    const memory = createMemory(10);
    const current = memory.keepGrant(makeGrant('current', 3), 0, 0);
    const old = memory.keepGrant(makeGrant('old', 1), 0, 0);
    memory.revoke('current', 2, 1);
    memory.revoke('old', 2, 2);
    expect([memory.findGrant('current'), memory.findGrant('old')]).toEqual([undefined, undefined]);
    expect([current.grant.isVoid, old.grant.isVoid]).toEqual([false, true]);
  });

  it('never forgets an announcement without believing less of what others read before it', () => {
    const memory = createMemory(10, 2);
    memory.revoke('a', 7, 100);
    memory.revoke('b', 7, 101);
    expect(memory.leastSequence()).toBe(0);
    memory.revoke('c', 7, 102);
    expect(memory.leastVersion('a')).toBe(0);
    expect(memory.leastVersion('b')).toBe(7);
    expect(memory.leastSequence()).toBe(100);
  });

  it('keeps the highest version that was announced', () => {
    const memory = createMemory(10);
    memory.revoke('a', 7, 1);
    memory.revoke('a', 3, 2);
    expect(memory.leastVersion('a')).toBe(7);
  });

  it('forgets and voids all after a gap', () => {
    const memory = createMemory(10);
    const held = memory.keepGrant(makeGrant('a'), 0, 0);
    memory.keepNegative('b', { kind: 'denied', reason: 'unknown' }, 0);
    memory.clear(9);
    expect(held.grant.isVoid).toBe(true);
    expect([memory.grantCount(), memory.negativeCount(), memory.leastSequence()]).toEqual([0, 0, 9]);
  });
});

describe('the permission to write data', () => {
  it.each([
    ['owner', true],
    ['admin', true],
    ['editor', false],
    ['viewer', false],
  ] as const)('of %s is %s', (role, may) => {
    expect(mayManageData(role)).toBe(may);
  });
});
