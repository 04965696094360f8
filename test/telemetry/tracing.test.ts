import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

/** A collector of OpenTelemetry, as far as it takes what it is sent. */
const received: { readonly request: IncomingMessage; readonly body: Buffer }[] = [];
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    received.push({ request, body: Buffer.concat(chunks) });
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
});
const TRACE = '0af7651916cd43dd8448eb211c80319c';

let instance: Instance;
let site: DemoSite;
let base: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => collector.close(resolve)));

async function start(environment: Readonly<Record<string, string>>): Promise<void> {
  received.length = 0;
  instance = await startInstance(environment);
  site = await createDemoSite(instance.sql, 'traced.example.com');
}

function send(headers: Readonly<Record<string, string>>): Promise<Response> {
  const body = {
    ...{ url: `https://${site.domain}/`, timestamp: new Date().toISOString() },
    ...{ visitor_ip: '192.0.2.1', user_agent: 'Firefox' },
  };
  return fetch(`${instance.base}/api/ingest/server/pageview`, {
    method: 'POST',
    headers: { authorization: `Bearer ${site.token}`, prefer: 'durability=postgres', ...headers },
    body: JSON.stringify(body),
  });
}

function sent(): Buffer {
  return Buffer.concat(received.map(({ body }) => body));
}

describe('traces', () => {
  it('have a span for each request, in the trace of its sender, and one for each write; no token, no query', async () => {
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `${base}/`, SLUICE_NODE_NAME: 'node-of-the-test' });
    expect((await send({ traceparent: `00-${TRACE}-b7ad6b7169203331-01` })).status).toBe(202);
    expect((await fetch(`${instance.base}/nowhere?secret=in-a-query`)).status).toBe(404);
    expect((await fetch(`${instance.base}/readyz?secret=in-a-query`)).status).toBe(200);
    await instance.close();
    expect(received.map(({ request }) => request.url)).toContain('/v1/traces');
    expect(received[0]?.request.headers['content-type']).toBe('application/x-protobuf');
    const said = [
      'POST /api/ingest/server/pageview',
      'COPY hits',
      'GET /readyz',
      'node-of-the-test',
      'sluice',
    ];
    expect(said.filter((text) => !sent().includes(text))).toEqual([]);
    expect(sent().includes(Buffer.from(TRACE, 'hex'))).toBe(true);
    const unsaid = [site.token, 'in-a-query', 'traced.example.com', '192.0.2.1'];
    expect(unsaid.filter((text) => sent().includes(text))).toEqual([]);
  });

  it('follow the sender who wants none', async () => {
    await start({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${base}/elsewhere` });
    await send({ traceparent: `00-${TRACE}-b7ad6b7169203331-00` });
    await send({});
    await instance.close();
    expect(new Set(received.map(({ request }) => request.url))).toEqual(new Set(['/elsewhere']));
    expect(sent().includes('POST /api/ingest/server/pageview')).toBe(true);
    expect(sent().includes(Buffer.from(TRACE, 'hex'))).toBe(false);
  });

  it.each([
    [{ OTEL_TRACES_SAMPLER: 'always_off' }],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }],
    [{ OTEL_SDK_DISABLED: 'true' }],
  ])('are none with %o', async (environment) => {
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: base, ...environment });
    expect((await send({})).status).toBe(202);
    await instance.close();
    expect(received).toEqual([]);
  });

  it('are sent in vain to a collector that is not there, and nobody else is the worse for it', async () => {
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect((await send({})).status).toBe(202);
    await instance.close();
    expect(instance.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  it('are asked for in words that OpenTelemetry knows', () => {
    const wrong = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'some',
      OTEL_TRACES_SAMPLER_ARG: '1.5',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    };
    for (const [name, value] of Object.entries(wrong))
      expect(() => readConfig({ DATABASE_URL: 'postgres://x@y/z', [name]: value })).toThrow(name);
  });
});
