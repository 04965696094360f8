/** Holds real answers to the OpenAPI document that the gateway itself serves. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ask, type Answer } from '../setup/administration.ts';

interface MediaType {
  readonly schema?: object;
}
interface Described {
  readonly content?: Readonly<Record<string, MediaType>>;
}
export interface DocumentedOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: Described;
  readonly responses: Readonly<Record<string, Described>>;
}
export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export async function readDocument(base: string): Promise<OpenApi> {
  const { status, body } = await ask(base, 'GET /api/docs/v1/openapi.json');
  if (status !== 200) throw new Error(`the document: ${status}`);
  return body as OpenApi;
}

export interface Conformance {
  /** Why the answer to this request ('GET /api/sites/7') is none that the document knows; null: it is. */
  judge(request: string, answer: Answer): string | null;
  /** Why the document forbids this body; null: it does not. */
  judgeBody(request: string, body: unknown): string | null;
  /** Compiles a schema of the document, by its place in it. */
  compile(pointer: readonly string[]): ValidateFunction;
}

export function createConformance(document: OpenApi): Conformance {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  addFormats.default(ajv);
  ajv.addVocabulary(['openapi', 'info', 'servers', 'paths', 'components']);
  ajv.addSchema(document, 'document', undefined, false);
  const compiled = new Map<string, ValidateFunction>();

  function compile(pointer: readonly string[]): ValidateFunction {
    const path = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const $ref = `document#/${path.join('/')}`;
    const known = compiled.get($ref) ?? ajv.compile({ $ref });
    compiled.set($ref, known);
    return known;
  }

  /** The document's path for that of a request: one without parameters before all others. */
  function find(request: string): { path: string; method: string; operation: DocumentedOperation } | null {
    const [method = '', target = ''] = request.split(' ');
    const asked = target.split('?')[0] ?? '';
    const matches = Object.keys(document.paths).filter((path) => {
      const pattern = path
        .replaceAll('.', '\\.')
        .replaceAll(/\{file\}/g, '.+')
        .replaceAll(/\{\w+\}/g, '[^/]+');
      return new RegExp(`^${pattern}$`).test(asked);
    });
    const path = matches.toSorted((one, other) => one.split('{').length - other.split('{').length)[0];
    const operation = path === undefined ? undefined : document.paths[path]?.[method.toLowerCase()];
    return path === undefined || operation === undefined
      ? null
      : { path, method: method.toLowerCase(), operation };
  }

  function check(pointer: readonly string[], value: unknown): string | null {
    const validate = compile(pointer);
    return validate(value) ? null : ajv.errorsText(validate.errors);
  }

  return {
    compile,
    judge(request, { status, headers, text, body }) {
      const found = find(request);
      if (found === null) return `${request} is not documented`;
      const { responses } = found.operation;
      const name = [String(status), `${Math.floor(status / 100)}XX`].find(
        (one) => responses[one] !== undefined,
      );
      if (name === undefined) return `${request}: ${status} is not documented`;
      const { content } = responses[name] ?? {};
      if (text === '') return null;
      const type = headers.get('content-type')?.split(';')[0] ?? '';
      const media = [type, '*/*'].find((one) => content?.[one] !== undefined);
      if (media === undefined) return `${request}: ${status} as ${type} is not documented`;
      if (content?.[media]?.schema === undefined) return null;
      const fault = check(
        ['paths', found.path, found.method, 'responses', name, 'content', media, 'schema'],
        body,
      );
      return fault === null ? null : `${request}: ${status}: ${fault}: ${text}`;
    },
    judgeBody(request, body) {
      const found = find(request);
      const content = found?.operation.requestBody?.content;
      if (found === null || content?.['application/json']?.schema === undefined) return null;
      return check(
        ['paths', found.path, found.method, 'requestBody', 'content', 'application/json', 'schema'],
        body,
      );
    },
  };
}
