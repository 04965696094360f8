/** What many senders can make the gateway hold at once: so much, and an answer for the rest. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, startInstance, type Instance } from '../setup/administration.ts';
import { holdOpen } from '../setup/database.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

let instance: Instance;
let site: DemoSite;
let sockets: Socket[] = [];

beforeAll(async () => {
  instance = await startInstance({
    SLUICE_IN_FLIGHT_MAX_BYTES: '128MiB',
    SLUICE_REQUEST_MAX_BYTES: '32MiB',
    SLUICE_CONNECTIONS_MAX: '60',
    SLUICE_BODY_MAX_BYTES: '1MiB',
  });
  site = await createDemoSite(instance.sql, 'memory.example.com');
});
afterAll(() => instance.close());
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await expect.poll(() => readHttp().connections, { timeout: 10_000 }).toBeLessThan(5);
});

interface HttpStats {
  readonly connections: number;
  readonly connectionsRefused: number;
  readonly inFlight: number;
  readonly bytesInFlight: number;
}
const readHttp = (): HttpStats => (instance.gateway.stats() as { http: HttpStats }).http;
const readAppended = (): number =>
  (instance.gateway.stats() as { journal: { appended: number } }).journal.appended;
const MIB = 1024 * 1024;

/** Begins a request of a body of this size, sends so much of it, and goes on when told. */
async function begin(
  bytes: number,
  sent: number,
  token = site.token,
): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(instance.gateway.port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('data', (data) => (text += data.toString('latin1')));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write(
    `POST /api/ingest/server/pageview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
  socket.write(Buffer.alloc(sent, ' '));
  return { socket, heard: () => text };
}

describe('bodies', () => {
  it('beyond the memory for all of them are refused before they are read, and taken when there is room', async () => {
    expect((await sendOne()).status).toBe(202);
    const held = await Promise.all(Array.from({ length: 4 }, () => begin(32 * MIB, 100_000)));
    await expect.poll(() => readHttp().bytesInFlight).toBe(128 * MIB);
    const late = await begin(32 * MIB, 100_000);
    await expect.poll(late.heard).toContain('503 Service Unavailable');
    expect(late.heard()).toContain('"code":"overloaded"');
    expect(late.heard()).toContain('Retry-After: 1');
    expect(held.map(({ heard }) => heard())).toEqual(['', '', '', '']);
    held[0]?.socket.destroy();
    await expect.poll(() => readHttp().bytesInFlight).toBe(96 * MIB);
    expect((await sendOne()).status).toBe(202);
    for (const { socket } of held) socket.destroy();
    await expect.poll(() => readHttp().bytesInFlight).toBe(0);
  });

  it('of senders without a good token hold nothing', async () => {
    const held = await Promise.all(Array.from({ length: 10 }, () => begin(32 * MIB, 1000, 'slc_nobody')));
    for (const { heard } of held) await expect.poll(heard).toContain('401 Unauthorized');
    expect(readHttp().bytesInFlight).toBe(0);
  });

  it('that unpack to more than there is room for are refused, and give back what they held', async () => {
    const rows = Array.from({ length: 9000 }, () => ({ url: randomBytes(2200).toString('base64') }));
    const packed = gzipSync(JSON.stringify(rows));
    const headers = { 'Content-Encoding': 'gzip' };
    const held = await Promise.all(Array.from({ length: 1 }, () => begin(32 * MIB, 100_000)));
    await expect.poll(() => readHttp().bytesInFlight).toBe(32 * MIB);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        fetch(`${instance.base}/api/ingest/server/pageview`, {
          method: 'POST',
          headers: { ...headers, Authorization: `Bearer ${site.token}` },
          body: packed,
        }).then((response) => response.status),
      ),
    );
    for (const status of answers) expect([400, 503]).toContain(status);
    expect(answers).toContain(503);
    for (const { socket } of held) socket.destroy();
    await expect.poll(() => readHttp().bytesInFlight).toBe(0);
  });

  it('whose sender is gone count for as long as somebody works on them', async () => {
    const release = await holdOpen(instance.sql, 'LOCK TABLE hits IN SHARE MODE');
    const body = `${' '.repeat(MIB)}[${JSON.stringify(pageview())}]`;
    const request =
      `POST /api/ingest/server/pageview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${site.token}\r\n` +
      `Prefer: durability=postgres\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const before = readAppended();
    try {
      for (let sent = 1; sent <= 3; sent++) {
        const socket = connect(instance.gateway.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(request);
        await expect.poll(() => readAppended()).toBe(before + sent);
        socket.destroy();
      }
      await expect.poll(() => readHttp().inFlight).toBe(0);
      expect(readHttp().bytesInFlight).toBe(3 * body.length);
    } finally {
      await release();
    }
    await expect.poll(() => readHttp().bytesInFlight).toBe(0);
  });
});

describe('a record', () => {
  it('whose numbers are longer when they are printed is kept, or refused for its size', async () => {
    const send = (numbers: number) =>
      fetch(`${instance.base}/api/ingest/server/event`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${site.token}` },
        body: JSON.stringify({ ...pageview(), name: 'n', properties: { n: [] } }).replace(
          '[]',
          `[${'1e20,'.repeat(numbers)}1]`,
        ),
      }).then((answer) => answer.status);
    expect(await send(12_000)).toBe(202);
    expect(await send(200_000)).toBe(413);
  });
});

describe('connections', () => {
  it('beyond the limit are closed at once; those that are open, and health, go on', async () => {
    const idle = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = connect(instance.gateway.port, '127.0.0.1');
        sockets.push(socket);
        let isClosed = false;
        socket.on('error', () => undefined);
        socket.on('close', () => (isClosed = true));
        await new Promise<void>((resolve) => {
          socket.once('connect', () => resolve());
          socket.once('close', () => resolve());
        });
        return { socket, isClosed: () => isClosed };
      }),
    );
    await sleep(200);
    const closed = idle.filter((one) => one.isClosed()).length;
    expect(closed).toBeGreaterThanOrEqual(40);
    expect(readHttp().connections).toBeLessThanOrEqual(60);
    expect(readHttp().connectionsRefused).toBe(closed);
    const open = idle.find((one) => !one.isClosed());
    let heard = '';
    open?.socket.on('data', (data) => (heard += data.toString()));
    open?.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => heard).toContain('200 OK');
  });
});

const pageview = () => ({
  url: 'https://memory.example.com/',
  timestamp: new Date().toISOString(),
  visitor_ip: '192.0.2.1',
  user_agent: 'Firefox',
});

const sendOne = () =>
  ask(instance.base, 'POST /api/ingest/server/pageview', { token: site.token, body: pageview() });
