/** Profiles: read from what V8 writes, explained, drawn; and one that is taken from a gateway. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawProfiles, printProfiles } from '../../bench/page/profile.ts';
import { explainCost, reasons } from '../../bench/profile/costs.ts';
import { benchProfile } from '../../bench/profile/profile.ts';
import { listCosts, listRooms, readTree, type CpuProfile } from '../../bench/profile/tree.ts';

const PROJECT = join(import.meta.dirname, '../..');

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });
const SEND = frame('send', 'file:///sluice/src/http/exchange/answering.ts', 41);
/** send 200 µs by itself, `end` below it 300 in two places, garbage 100, native 150, JSON.parse's caller 250; 1000 idle. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 4, 5, 8] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('(program)') },
    { id: 4, callFrame: frame('(garbage collector)') },
    { id: 5, callFrame: SEND, children: [6, 7] },
    { id: 6, callFrame: frame('end') },
    { id: 7, callFrame: frame('cork'), children: [9] },
    { id: 8, callFrame: frame('hash', 'node:internal/crypto/hash', 200), children: [10] },
    { id: 9, callFrame: frame('end') },
    { id: 10, callFrame: frame('oneShotDigest') },
  ],
  samples: [2, 3, 4, 5, 6, 9, 10, 2],
  timeDeltas: [0, 1000, 150, 100, 200, 100, 200, 250],
};

describe('a profile', () => {
  const root = readTree(profile, '/sluice');

  it('is what was done while there was something to do', () => {
    expect(root.totalUs).toBe(1000);
  });

  it('counts native code for the HTTP library where http has called it, and else for Node', () => {
    expect(listRooms(root).map(({ room, share }) => [room, share])).toEqual([
      ['uWebSockets.js', 0.3],
      ['node', 0.25],
      ['http', 0.2],
      ['native', 0.15],
      ['gc', 0.1],
    ]);
  });

  it('adds up a function over its callers, with its place in the project', () => {
    expect(listCosts(root).slice(0, 3)).toEqual([
      { name: 'uWebSockets.js, from send', room: 'uWebSockets.js', place: '', share: 0.3 },
      { name: 'oneShotDigest', room: 'node', place: '', share: 0.25 },
      { name: 'send', room: 'http', place: 'src/http/exchange/answering.ts:42', share: 0.2 },
    ]);
  });
});

describe('a reason', () => {
  it('is there for known costs, and empty for others', () => {
    expect(explainCost({ name: 'uuid', room: 'records', place: 'src/records/entry.ts:132' })).not.toBe('');
    expect(explainCost({ name: 'nobody', room: 'records', place: 'src/records/entry.ts:1' })).toBe('');
  });

  it.each(Object.keys(reasons).filter((key) => key.includes(' src/')))(
    '%s explains a function that is there',
    (key) => {
      const [name = '', file = ''] = key.split(' ');
      expect(existsSync(join(PROJECT, file))).toBe(true);
      expect(readFileSync(join(PROJECT, file), 'utf8')).toMatch(new RegExp(`\\b${name}\\b.*\\(`));
    },
  );
});

describe('the profile of a gateway', { timeout: 120_000 }, () => {
  it('has the rooms that records go through, and is printed and drawn', async () => {
    const results = await benchProfile({ seconds: 1 }, () => undefined);
    expect(results.map(({ name }) => name)).toEqual(['single', 'arrays']);
    for (const { root } of results) {
      const rooms = listRooms(root).map(({ room }) => room);
      // What is small may be between two samples of a busy machine; these are not small.
      for (const room of ['records', 'ingest']) expect(rooms).toContain(room);
    }
    const page = printProfiles(results);
    for (const { file, svg } of drawProfiles(results)) {
      expect(page).toContain(`(images/${file})`);
      expect(svg).toContain('<title>(root) 100.0 %</title>');
      expect(svg).not.toContain('NaN');
    }
  });
});
