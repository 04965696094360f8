/** A large body is not taken from somebody who may not send it: the answer comes before the body has. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken } from '../../src/grants/token.ts';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance();
  site = await createDemoSite(instance.sql, 'large.example.com');
});
afterAll(async () => {
  await instance.close();
});

interface Heard {
  readonly status: number;
  readonly isClosed: boolean;
}

/** Sends a head, and of its body only a little; resolves with the answer. */
function sendHead(path: string, lines: readonly string[], start = 'x'.repeat(1000)): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(instance.base).port), '127.0.0.1');
    let status = 0;
    socket.on('data', (data) => {
      status = Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString())?.[1] ?? status);
    });
    socket.on('close', () => resolve({ status, isClosed: true }));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve({ status, isClosed: true }) : reject(error),
    );
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: sluice\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${start}`,
    );
  });
}

describe('a large body', () => {
  const length = 'Content-Length: 5000000';
  const firehose = (): string => `/api/sites/${site.siteId}/ingest/firehose`;

  it.each([
    ['without a token', []],
    ['with a token that cannot be one', ['Authorization: Bearer slc_x']],
    ['with a token that nobody knows', [`Authorization: Bearer ${createToken(randomBytes(32))}`]],
  ])(
    '%s is answered with 401 while it is still to come, and its connection is closed',
    async (_, headers) => {
      for (const path of [
        '/api/ingest/server/pageview',
        '/api/ingest/server/batch',
        `/api/sites/${site.siteId}/ingest/cloudfront`,
        firehose(),
      ]) {
        expect(await sendHead(path, [length, ...headers])).toEqual({ status: 401, isClosed: true });
        const chunked = await sendHead(path, ['Transfer-Encoding: chunked', ...headers], '10000\r\nxx');
        expect(chunked).toEqual({ status: 401, isClosed: true });
      }
      const key = [`X-Amz-Firehose-Access-Key: ${createToken(randomBytes(32))}`];
      expect(await sendHead(firehose(), [length, ...key])).toEqual({ status: 401, isClosed: true });
    },
  );

  it('of a token that is looked up first is taken whole', async () => {
    const records = Array.from({ length: 5000 }, (_, index) => ({
      url: `https://${site.domain}/${'x'.repeat(500)}/${index}`,
      timestamp: '2026-11-20T12:00:00Z',
      visitor_ip: '192.0.2.1',
      user_agent: 'Firefox',
    }));
    const body = JSON.stringify(records);
    expect(body.length).toBeGreaterThan(2_000_000);
    // The first request finds the token in no cache.
    const fresh = await createDemoSite(instance.sql, 'fresh.example.com');
    for (const [token, expected] of [
      [fresh.token, 0],
      [site.token, 5000],
      [site.token, 5000],
    ] as const) {
      const answer = await fetch(`${instance.base}/api/ingest/server/pageview`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body,
      });
      expect(await answer.json()).toMatchObject({ received: 5000, accepted: expected });
    }
  });

  it('whose sender goes away while its token is looked up harms nobody', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connect(Number(new URL(instance.base).port), '127.0.0.1');
        socket.on('error', () => undefined);
        const token = createToken(randomBytes(32));
        socket.write(
          `POST /api/ingest/server/batch HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer ${token}\r\n${length}\r\n\r\nx`,
        );
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        socket.destroy();
      }),
    );
    expect((await fetch(`${instance.base}/healthz`)).status).toBe(200);
    expect(instance.lines.filter((line) => line.includes('bug'))).toEqual([]);
  });
});
