/**
 * The OpenAPI 3.1 document of the routes that a port serves. Bodies and queries are described by the very schemas that
 * read them; what a schema cannot say (bytes, meaning) is in the text. Made once, at start.
 */
import { z } from 'zod';
import { problems } from '../http/problem.ts';
import type { Route } from '../http/request.ts';
import {
  headers,
  names,
  named,
  type Access,
  type Content,
  type Operation,
  type Operations,
} from './operation.ts';
import { clientOperations } from './operations/clients.ts';
import { gatewayOperations } from './operations/gateway.ts';
import { envelopedRefusal, keyOperations } from './operations/keys.ts';
import { peopleOperations } from './operations/people.ts';
import { recordOperations } from './operations/records.ts';
import { siteOperations, teamOperations } from './operations/teams.ts';

export const operations: Operations = {
  ...recordOperations,
  ...peopleOperations,
  ...clientOperations,
  ...teamOperations,
  ...siteOperations,
  ...keyOperations,
  ...gatewayOperations,
};

const problem = named(
  'Problem',
  z
    .looseObject({
      type: z.string(),
      title: z.string(),
      status: z.number().int(),
      code: z.enum(Object.keys(problems) as [string, ...string[]]),
      detail: z.string(),
      field: z.string().optional(),
    })
    .describe('RFC 9457. A batch of which nothing was taken has its summary beside.'),
);

const SECURITY: Readonly<Record<Access, readonly Readonly<Record<string, readonly string[]>>[]>> = {
  session: [{ session: [] }],
  'session or key': [{ session: [] }, { token: [] }],
  token: [{ token: [] }, { tokenHeader: [] }],
  none: [],
};

/** Throws when a route has no operation: nothing is served that the reference does not know. */
export function buildDocument(routes: readonly Pick<Route, 'method' | 'path'>[], version: string): object {
  const schemas: Record<string, unknown> = {};
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path } of routes) {
    const operation = operations[`${method} ${path}`];
    if (operation === undefined) throw new Error(`The API reference says nothing of ${method} ${path}.`);
    const pattern = toTemplate(path);
    paths[pattern] = {
      ...paths[pattern],
      [method.toLowerCase()]: describe(`${method} ${path}`, operation, schemas),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description:
        'An ingest gateway for analytics records. Every answer that is no success is a problem document, or, under /v1, an envelope without data.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'hk_token',
          description: 'POST /api/auth/login sets it.',
        },
        token: { type: 'http', scheme: 'bearer', description: "A client's token, or an organization key." },
        tokenHeader: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The same token.' },
      },
    },
  };
}

/** '/api/sites/:id' -> '/api/sites/{id}'; the rest of a path is a parameter too. */
function toTemplate(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}').replace('/*', '/{file}');
}

function describe(route: string, operation: Operation, schemas: Record<string, unknown>): object {
  const { summary, tag, access, query, body, replies } = operation;
  const path = toTemplate(route.slice(route.indexOf(' ') + 1));
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => describePathParameter(name)),
    ...(query === undefined ? [] : describeQuery(query, schemas)),
    ...(operation.headers ?? []).map((name) => ({
      name,
      in: 'header',
      description: headers[name],
      schema: { type: 'string' },
    })),
  ];
  const usual = path.startsWith('/v1/') ? envelopedRefusal : { 'application/problem+json': problem };
  const refused = {
    description: 'No',
    content: describeContent(operation.refusal ?? usual, 'output', schemas),
  };
  return {
    operationId: nameOperation(route),
    summary,
    tags: [tag],
    security: SECURITY[access],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { content: describeContent(body, 'input', schemas) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(replies).map(([status, content]) => [
          status,
          {
            description: summary,
            ...(content === null ? {} : { content: describeContent(content, 'output', schemas) }),
          },
        ]),
      ),
      '4XX': refused,
      '5XX': refused,
    },
  };
}

/** 'GET /api/sites/:id' -> 'get_api_sites_id'. */
function nameOperation(route: string): string {
  const words = toTemplate(route).toLowerCase().match(/\w+/g) ?? [];
  return words.join('_');
}

/** A page's file; a site by its id or its domain. */
const NO_IDS: readonly string[] = ['file', 'site'];

function describePathParameter(name: string): object {
  const schema =
    name === 'sequence'
      ? { type: 'integer' }
      : { type: 'string', ...(NO_IDS.includes(name) ? {} : { format: 'uuid' }) };
  return { name, in: 'path', required: true, schema };
}

function describeQuery(query: z.ZodType, schemas: Record<string, unknown>): readonly object[] {
  const { properties = {}, required = [] } = toSchema(query, 'input', schemas);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function describeContent(content: Content, io: 'input' | 'output', schemas: Record<string, unknown>): object {
  const byType = content instanceof z.ZodType ? { 'application/json': content } : content;
  return Object.fromEntries(
    Object.entries(byType).map(([type, schema]) => [
      type,
      schema === null ? {} : { schema: toSchema(schema, io, schemas) },
    ]),
  );
}

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Schemas with a name go to the components, and are referred to. */
function toSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, unknown>): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io,
    metadata: names,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // A format says it better than the pattern that is behind it.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      // That a whole number is one that JavaScript has exactly goes without saying.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  const text = JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/');
  const {
    $schema: _,
    $defs: named = {},
    ...rest
  } = JSON.parse(text) as JsonSchema & {
    $schema?: string;
    $defs?: Record<string, unknown>;
  };
  Object.assign(schemas, named);
  return rest;
}
