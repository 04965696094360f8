import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { waitUntilQuiet } from '../../src/http/exchange/quiet.ts';

it('is not taken in by a machine that lets nobody look for a while', async () => {
  const counts = { inFlight: 1, requests: 1 };
  let outcome: string | null = null;
  const waiting = waitUntilQuiet(() => counts, 60_000).then((settled) => (outcome = settled));
  for (let turn = 0; turn < 3; turn++) {
    await sleep(15);
    for (const untilMs = performance.now() + 200; performance.now() < untilMs;);
  }
  await sleep(30);
  expect(outcome).toBeNull();
  counts.inFlight = 0;
  expect(await waiting).toBe('settled');
});

it('begins anew with every request that comes', async () => {
  const counts = { inFlight: 0, requests: 0 };
  let looks = 0;
  const waiting = waitUntilQuiet(() => {
    looks++;
    if (looks === 8) counts.requests++;
    return counts;
  }, 60_000);
  expect(await waiting).toBe('settled');
  expect(looks).toBeGreaterThan(15);
});

it('gives up after its time', async () => {
  expect(await waitUntilQuiet(() => ({ inFlight: 1, requests: 1 }), 30)).toBe('late');
});
