import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/reference/document.ts';
import { ask, startInstance, type Instance } from '../setup/administration.ts';
import { createConformance, readDocument, type Conformance, type OpenApi } from './conform.ts';

let instance: Instance;
let document: OpenApi;
let conformance: Conformance;

beforeAll(async () => {
  instance = await startInstance({
    SLUICE_METRICS_TOKEN: 'the token of the metrics',
    SLUICE_FASTLY_SERVICE_IDS: '*',
    SLUICE_VERCEL_VERIFY: 'verify',
  });
  document = await readDocument(instance.base);
  conformance = createConformance(document);
});
afterAll(async () => {
  await instance.close();
});

const toTemplate = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}').replace('/*', '/{file}');

function listOperations(of: OpenApi): string[] {
  return Object.entries(of.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

describe('the OpenAPI document', () => {
  it('has every route that is served, and no other', () => {
    const served = instance.gateway.routes.map(({ method, path }) => `${method} ${toTemplate(path)}`);
    expect(listOperations(document).toSorted()).toEqual(served.toSorted());
  });

  it('is made of operations that are all some route', () => {
    const served = instance.gateway.routes.map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(operations).toSorted()).toEqual(served.toSorted());
  });

  it('has schemas that a validator takes, names each operation once, and refers to nothing that is missing', () => {
    expect(document.openapi).toBe('3.1.0');
    const ids: string[] = [];
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods)) {
        ids.push(operation.operationId);
        const at = ['paths', path, method];
        const parameters = operation.parameters ?? [];
        for (const index of parameters.keys())
          conformance.compile([...at, 'parameters', String(index), 'schema']);
        const inPath = parameters
          .filter((parameter) => parameter.in === 'path')
          .map(({ name }) => `{${name}}`);
        expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? []);
        for (const [type, { schema }] of Object.entries(operation.requestBody?.content ?? {}))
          if (schema !== undefined) conformance.compile([...at, 'requestBody', 'content', type, 'schema']);
        for (const [status, { content = {} }] of Object.entries(operation.responses))
          for (const [type, { schema }] of Object.entries(content))
            if (schema !== undefined)
              conformance.compile([...at, 'responses', status, 'content', type, 'schema']);
      }
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(document.components.schemas)).toContain('Client');
  });

  it('is of what each port serves', async () => {
    const apart = await startInstance({ SLUICE_ADMIN_PORT: '0' }, instance.database);
    const records = listOperations(await readDocument(apart.base));
    const administration = listOperations(
      await readDocument(`http://127.0.0.1:${apart.gateway.adminPort ?? 0}`),
    );
    expect(records).toContain('POST /api/ingest/server/pageview');
    expect(records).not.toContain('GET /api/user');
    expect(administration).toContain('GET /api/user');
    expect(administration).not.toContain('POST /api/ingest/server/pageview');
    await apart.close();
  });
});

describe('the page', () => {
  it('comes with its files, under a policy that lets nothing in from elsewhere', async () => {
    const page = await ask(instance.base, 'GET /api/docs');
    expect(page.status).toBe(200);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    const files = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(files).toHaveLength(3);
    for (const path of files) expect((await ask(instance.base, `GET ${path}`)).status).toBe(200);
    expect((await ask(instance.base, 'GET /api/docs/nothing.js')).status).toBe(404);
  });
});
