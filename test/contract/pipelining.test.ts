/** What the installed HTTP library makes of a request that comes before the answer to the one before. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../../src/http/server.ts';
import { startRoutes } from '../setup/server.ts';
import { readStatuses, speak } from '../setup/socket.ts';

/** Less than between two parts of what is spoken. */
const WAIT_MS = 5;
let server: Server;
let seen = 0;

beforeAll(async () => {
  server = await startRoutes([
    {
      method: 'POST',
      path: '/later',
      bodyBytesMax: 100,
      async handle() {
        seen++;
        await sleep(WAIT_MS);
        return { status: '202 Accepted', headers: [], body: '' };
      },
    },
  ]);
});
afterAll(() => {
  server.stopListening();
  server.close();
});

const REQUEST = 'POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}';

it('closes the connection, and answers neither: whoever pipelines sends both again', async () => {
  const before = seen;
  const answer = await speak(server.port, REQUEST + REQUEST);
  expect(readStatuses(answer)).toEqual([]);
  expect(seen - before).toBe(1);
});

it('answers both when the second one waits for the first answer', async () => {
  expect(readStatuses(await speak(server.port, [REQUEST, REQUEST]))).toEqual([202, 202]);
});
