/** Replies that come bit by bit: nobody who does not read makes the gateway keep what he does not. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stream } from '../../src/http/request.ts';
import type { Server } from '../../src/http/server.ts';
import { startRoutes } from '../setup/server.ts';

const PART = 'x'.repeat(64 * 1024);

let server: Server;
let stream: Stream | null = null;
let isStopped = false;

beforeAll(async () => {
  server = await startRoutes(
    [
      {
        method: 'GET',
        path: '/stream',
        bodyBytesMax: 0,
        handle: () => ({
          status: '200 OK',
          headers: [],
          body: 'first',
          follow(given) {
            stream = given;
            isStopped = false;
            return () => (isStopped = true);
          },
        }),
      },
    ],
    10,
  );
});
afterAll(() => server.close());

function open() {
  const socket = connect(server.port, '127.0.0.1');
  let bytes = 0;
  socket.on('data', (data) => (bytes += data.length));
  socket.on('error', () => undefined);
  socket.write('GET /stream HTTP/1.1\r\nHost: sluice\r\n\r\n');
  return { socket, bytes: () => bytes };
}

/** Writes until the receiver is behind; returns how many parts were taken. */
function fill(): number {
  let parts = 0;
  while (parts < 10_000 && stream?.write(PART) === true) parts++;
  return parts;
}

describe('a stream', () => {
  it('takes nothing more for a receiver that does not read, and goes on when it does', async () => {
    const { socket, bytes } = open();
    await expect.poll(bytes).toBeGreaterThan(0);
    socket.pause();
    const parts = fill();
    expect(parts).toBeGreaterThan(0);
    expect(parts).toBeLessThan(1000);
    await sleep(200);
    // The kernel's buffers may have taken a little since.
    expect(fill()).toBeLessThan(100);
    expect(stream?.write(PART)).toBe(false);
    socket.resume();
    await expect.poll(() => stream?.write('y'), { timeout: 5000 }).toBe(true);
    await expect.poll(bytes, { timeout: 5000 }).toBeGreaterThan(parts * PART.length);
    socket.destroy();
    await expect.poll(() => isStopped).toBe(true);
    expect(stream?.write('z')).toBe(false);
    stream?.end();
    expect(server.stats().inFlight).toBe(0);
  });

  it('ends once, and its connection serves the next request', async () => {
    const { socket, bytes } = open();
    await expect.poll(bytes).toBeGreaterThan(0);
    expect(stream?.write('')).toBe(true);
    expect(stream?.write('more')).toBe(true);
    stream?.end();
    stream?.end();
    expect(isStopped).toBe(true);
    const before = bytes();
    socket.write('GET /nothing HTTP/1.1\r\nHost: sluice\r\n\r\n');
    await expect.poll(bytes).toBeGreaterThan(before);
    socket.destroy();
  });

  it('that nobody reads at all is cut', async () => {
    const { socket, bytes } = open();
    await expect.poll(bytes).toBeGreaterThan(0);
    socket.pause();
    fill();
    await expect.poll(() => isStopped, { timeout: 25_000 }).toBe(true);
    socket.destroy();
  });
});
