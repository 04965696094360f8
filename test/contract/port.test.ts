/** What the installed HTTP library makes of a port that several want: what a gateway of several processes stands on. */
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startServer, type Server } from '../../src/http/server.ts';
import { findSharedPort } from '../../src/supervisor/port.ts';

const CONNECTIONS = 200;
const TAKEN = /another process has the port/;
let servers: Server[] = [];

afterEach(() => {
  for (const server of servers) server.close();
  servers = [];
});

async function start(port: number, isPortShared: boolean): Promise<Server> {
  const values = { host: '127.0.0.1', port, trustedProxies: [], inFlightBytesMax: 1_000_000 };
  const handle = () => ({ status: '200 OK', headers: [], body: '' }) as const;
  const server = await startServer(
    { ...values, connectionsMax: 1000, isPortShared },
    { routes: [{ method: 'GET', path: '/', bodyBytesMax: 0, handle }], onFault: () => undefined },
  );
  servers.push(server);
  return server;
}

/** Resolves when the server has closed it: by then it was counted. */
function visit(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.on('data', () => socket.destroy());
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

const countAnswers = (server: Server): number => server.stats().answers[0]?.byClass[2] ?? 0;

it('a shared port is for all that share it, and each gets its part', async () => {
  const first = await start(await findSharedPort('127.0.0.1', 0), true);
  const second = await start(first.port, true);
  expect(second.port).toBe(first.port);
  await Promise.all(Array.from({ length: CONNECTIONS }, () => visit(first.port)));
  const counts = [first, second].map(countAnswers);
  expect(counts.reduce((sum, count) => sum + count)).toBe(CONNECTIONS);
  for (const count of counts) expect(count).toBeGreaterThan(CONNECTIONS / 10);
});

it('a port of its own is shared with nobody, whoever comes first', async () => {
  const alone = await start(0, false);
  await expect(start(alone.port, true)).rejects.toThrow(TAKEN);
  await expect(start(alone.port, false)).rejects.toThrow(TAKEN);
  await expect(findSharedPort('127.0.0.1', alone.port)).rejects.toThrow(TAKEN);
  const shared = await start(await findSharedPort('127.0.0.1', 0), true);
  await expect(start(shared.port, false)).rejects.toThrow(TAKEN);
  await expect(findSharedPort('127.0.0.1', shared.port)).rejects.toThrow(TAKEN);
});

it('a port that was found to be free can be listened on at once', async () => {
  const port = await findSharedPort('127.0.0.1', 0);
  expect(port).toBeGreaterThan(0);
  expect((await start(port, true)).port).toBe(port);
});
