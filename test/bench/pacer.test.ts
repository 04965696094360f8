/** The pacer against servers whose delays are known, because they write down themselves how long they held each request. */
import { createServer } from 'node:http';
import { createHistogram, type Histogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startStream, type Stream } from '../../bench/pacer/pacer.ts';

let closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes) close();
  closes = [];
});

interface KnownServer {
  readonly port: number;
  /** In µs, as this server measured it. */
  readonly held: Histogram;
  readonly tokens: readonly string[];
}

/** Answers request number n when `hold(n)` has passed. */
async function startKnown(
  hold: (index: number) => Promise<unknown> | null,
  status = 202,
): Promise<KnownServer> {
  const held = createHistogram({ figures: 3 });
  const tokens: string[] = [];
  const server = createServer((request, response) => {
    const startedAtMs = performance.now();
    const index = tokens.push(request.headers.authorization ?? '') - 1;
    const answer = (): void => {
      held.record(Math.max(1, Math.floor((performance.now() - startedAtMs) * 1000)));
      response.writeHead(status).end();
    };
    request.resume().on('end', () => {
      const wait = hold(index);
      if (wait === null) answer();
      else void wait.then(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closes.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, held, tokens };
}

function send(port: number, requestsPerSecond: number, connections: number): Stream {
  const stream = startStream({
    isPunctual: true,
    port,
    requestsPerSecond,
    connections,
    path: '/',
    body: '{}',
    token: 'a',
  });
  closes.push(() => stream.stop());
  return stream;
}

describe('the pacer', () => {
  it('reports no less than the server knows that it held, at every percentile', async () => {
    const delaysMs = [0, 2, 10, 40];
    const server = await startKnown((index) => sleep(delaysMs[index % delaysMs.length] ?? 0));
    const stream = send(server.port, 400, 64);
    await sleep(1000);
    await stream.finish(10_000);
    expect(stream.latencyUs.count).toBe(server.held.count);
    for (const percentile of [10, 30, 50, 70, 90, 99]) {
      // The histograms keep three digits.
      const known = server.held.percentile(percentile) * 0.998;
      expect(stream.latencyUs.percentile(percentile)).toBeGreaterThanOrEqual(known);
    }
  });

  it('charges a pause to every request that was due in it, however few connections there are', async () => {
    const rate = 500;
    const pauseMs = 400;
    let pause: Promise<unknown> | null = null;
    const server = await startKnown((index) => (index === 100 ? (pause = sleep(pauseMs)) : pause));
    const stream = send(server.port, rate, 4);
    await sleep(1200);
    await stream.finish(10_000);
    expect(pause).not.toBeNull();
    const dueInFirstHalf = (rate * pauseMs) / 2 / 1000;
    // 4 of them were on their way when it began; a closed loop would have noticed no others.
    const share = (0.9 * dueInFirstHalf) / stream.counts.due;
    expect(stream.latencyUs.percentile(100 * (1 - share))).toBeGreaterThanOrEqual(
      (pauseMs / 2) * 1000 * 0.998,
    );
    expect(stream.counts.waited).toBeGreaterThan(0.9 * dueInFirstHalf);
    // The server was slow, and not the sender.
    expect(stream.latenessUs.percentile(100 * (1 - share))).toBeLessThan((pauseMs / 2) * 1000);
  });

  it('sends as many as were due, and counts each once', async () => {
    const server = await startKnown(() => null, 401);
    const startedAtMs = performance.now();
    const stream = send(server.port, 1000, 8);
    await sleep(300);
    await stream.finish(10_000);
    const { due, sent, accepted, refused } = stream.counts;
    expect({ sent, accepted, refused }).toEqual({ sent: due, accepted: 0, refused: due });
    expect(due).toBe(server.tokens.length);
    expect(due).toBeGreaterThan(0);
    expect(due).toBeLessThanOrEqual(performance.now() - startedAtMs + 1);
    expect(stream.latenessUs.count).toBe(due);
  });

  it('goes on with another token when told, and knows when each was last taken', async () => {
    const server = await startKnown(() => null);
    const stream = send(server.port, 500, 4);
    await expect.poll(() => stream.lastAcceptedMs('a')).not.toBeNull();
    expect(stream.lastAcceptedMs('b')).toBeNull();
    stream.use('b');
    await expect.poll(() => stream.lastAcceptedMs('b')).not.toBeNull();
    expect(new Set(server.tokens)).toEqual(new Set(['Bearer a', 'Bearer b']));
  });
});
