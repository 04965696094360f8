/** What a gateway does, as it happens: who may watch, what is told, and that nobody who watches can hold anything up. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../src/console/sample.ts';
import {
  ask,
  createPerson,
  sendPageview,
  startInstance,
  type Instance,
  type Person,
} from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const PATH = '/api/console/live';

let instance: Instance;
let site: DemoSite;
let staff: Person;

beforeAll(async () => {
  instance = await startInstance();
  site = await createDemoSite(instance.sql, 'live.example.com');
  staff = await createPerson(instance.sql, 'admin');
});
afterAll(async () => {
  await instance.close();
});

const samplesOf = (text: string): readonly Sample[] =>
  [...text.matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map((match) => JSON.parse(match[2] ?? '') as Sample);

async function readSamples(query = '', headers: Readonly<Record<string, string>> = {}) {
  const answer = await ask(instance.base, `GET ${PATH}?follow=0${query}`, { cookie: staff.cookie, headers });
  return { answer, samples: samplesOf(answer.text) };
}

/** Opens the stream by hand; `text` has what came. */
function watch(cookie: string): { socket: Socket; text: () => string; isClosed: () => boolean } {
  const socket = connect(instance.gateway.port, '127.0.0.1');
  let text = '';
  let isClosed = false;
  socket.on('data', (data) => (text += data.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: sluice\r\nCookie: ${cookie}\r\n\r\n`);
  return { socket, text: () => text, isClosed: () => isClosed };
}

const countListeners = (): number =>
  (instance.gateway.stats() as { console: { listeners: number } }).console.listeners;

describe('a sample', () => {
  it('has what was accepted by kind, refused by code, and how long a 202 took', async () => {
    const [last] = (await readSamples()).samples.slice(-1);
    expect(await sendPageview(instance.base, site.token, site.domain)).toBe(202);
    expect(await sendPageview(instance.base, site.token, 'unknown.example.com')).toBe(404);
    await expect
      .poll(
        async () => {
          const { samples } = await readSamples(`&after=${last?.at ?? 0}`);
          const sum = (read: (sample: Sample) => number | undefined): number =>
            samples.reduce((total, sample) => total + (read(sample) ?? 0), 0);
          return {
            accepted: sum((sample) => sample.kinds['pageview']) > 0,
            refused: sum((sample) => sample.refused['site_not_found']) > 0,
            stored: sum((sample) => sample.stored) > 0,
            timed: samples.some(({ ack50, ack99 }) => ack50 !== null && ack99 !== null && ack50 <= ack99),
          };
        },
        { timeout: 10_000 },
      )
      .toEqual({ accepted: true, refused: true, stored: true, timed: true });
  });

  it('is told once: after the one that was seen last only later ones come', async () => {
    await expect
      .poll(async () => (await readSamples()).samples.length, { timeout: 10_000 })
      .toBeGreaterThan(2);
    const { samples } = await readSamples();
    const seen = samples.at(-2)?.at ?? 0;
    const byHeader = (await readSamples('', { 'Last-Event-ID': String(seen) })).samples;
    const byQuery = (await readSamples(`&after=${seen}`)).samples;
    for (const later of [byHeader, byQuery]) {
      expect(later.length).toBeGreaterThan(0);
      expect(later.every((sample) => sample.at > seen)).toBe(true);
    }
    expect(samples.map(({ at }) => at)).toEqual(samples.map(({ at }) => at).toSorted((a, b) => a - b));
  });
});

describe('the stream', () => {
  it('is for signed-in instance owners and admins alone, and is told to keep by nobody', async () => {
    const { answer } = await readSamples();
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const user = await createPerson(instance.sql, 'user');
    expect((await ask(instance.base, `GET ${PATH}`, { cookie: user.cookie })).status).toBe(403);
    expect((await ask(instance.base, `GET ${PATH}`, { token: site.token })).status).toBe(401);
    for (const query of ['x=1', 'after=-1', 'after=1e999', 'after=%00', 'follow=2', 'follow=', 'after=x'])
      expect((await ask(instance.base, `GET ${PATH}?${query}`, { cookie: staff.cookie })).status).toBe(400);
  });

  it('is no use of the session', async () => {
    // Older than a fifth of its life: any use would renew it.
    const { createSessions } = await import('../../src/admin/sign-in/session.ts');
    const { loadSecrets } = await import('../../src/admin/sign-in/secret.ts');
    const { sessionKey: key } = await loadSecrets(
      instance.sql,
      'a secret of the tests, long enough to be one',
    );
    const short = createSessions({ publicUrl: 'http://sluice.test', sessionMs: 900_000, key }, instance.sql);
    const realNow = Date.now;
    Date.now = () => realNow() - 300_000;
    const cookie = (await short.open(instance.sql, staff.id)).split(';')[0] ?? '';
    Date.now = realNow;
    const watched = await ask(instance.base, `GET ${PATH}?follow=0`, { cookie });
    expect([watched.status, watched.headers.get('set-cookie')]).toEqual([200, null]);
    const used = await ask(instance.base, 'GET /api/user', { cookie });
    expect(used.headers.get('set-cookie')).toContain('hk_token=');
  });

  it('goes on by itself, and forgets whoever is gone', async () => {
    const watched = watch(staff.cookie);
    await expect.poll(() => samplesOf(watched.text()).length, { timeout: 10_000 }).toBeGreaterThan(2);
    const first = samplesOf(watched.text()).at(-1)?.at ?? 0;
    await expect.poll(() => samplesOf(watched.text()).at(-1)?.at, { timeout: 5000 }).toBeGreaterThan(first);
    expect(countListeners()).toBe(1);
    watched.socket.destroy();
    await expect.poll(countListeners).toBe(0);
  });

  it('is refused to more than 32 at once', async () => {
    const watched = Array.from({ length: 32 }, () => watch(staff.cookie));
    await expect.poll(countListeners, { timeout: 10_000 }).toBe(32);
    const refused = await ask(instance.base, `GET ${PATH}`, { cookie: staff.cookie });
    expect(refused.body).toMatchObject({ status: 429, code: 'too_many_requests' });
    for (const one of watched) one.socket.destroy();
    await expect.poll(countListeners).toBe(0);
  });

  it('holds no stop up: it ends with the gateway', async () => {
    const other = await startInstance({ SLUICE_STOP_TIMEOUT: '20s' }, instance.database);
    const answer = await fetch(`${other.base}${PATH}`, { headers: { Cookie: staff.cookie } });
    const body = answer.text();
    await sleep(100);
    const closing = other.close();
    expect(await Promise.race([body, sleep(10_000, 'late')])).toContain('event: gateway');
    await closing;
  });
});
