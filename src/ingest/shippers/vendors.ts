/** What single vendors want beside the body: where they put the token, what they sign, and what they expect to hear. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHeaders, Route } from '../../http/request.ts';
import { refuse, type Refusal } from '../verdict.ts';
import type { FormatName } from './formats.ts';

export interface VendorValues {
  /** One of them, each of another drain. Null: signatures are not looked at. */
  readonly vercelSecrets: readonly string[] | null;
  readonly vercelVerify: string | null;
  /** Null: Fastly's challenge is not answered. */
  readonly fastlyServiceIds: readonly string[] | null;
}

export interface Vendor {
  /** The answer to a delivery that was taken. */
  readonly status: '200 OK' | '202 Accepted';
  /** Of every answer, refusals too. */
  readonly headers: readonly (readonly [string, string])[];
  /** The request's headers, with the token where the rest looks for it. */
  readonly readHeaders: (request: Request) => RequestHeaders;
  /** Null: the delivery is the vendor's. `body`: opened. */
  readonly check: (request: Request, body: Buffer) => Refusal | null;
}

export const VERCEL_SIGNATURE = 'x-vercel-signature';
const PLAIN: Vendor = {
  status: '202 Accepted',
  headers: [],
  readHeaders: ({ headers }) => readPassword(headers),
  check: () => null,
};
/** Its form has a URL and nothing else. */
const NETLIFY: Vendor = { ...PLAIN, readHeaders: readQueryToken };
const NOT_VERCEL = refuse(
  'signature_invalid',
  'x-vercel-signature is not that of SLUICE_VERCEL_SECRET over this body.',
  VERCEL_SIGNATURE,
);

export function vendorOf(format: FormatName, values: VendorValues): Vendor {
  if (format === 'netlify') return NETLIFY;
  if (format !== 'vercel') return PLAIN;
  const { vercelSecrets: secrets, vercelVerify: verify } = values;
  return {
    ...PLAIN,
    // Anything else and Vercel sends the whole batch again.
    status: '200 OK',
    headers: verify === null ? [] : [['x-vercel-verify', verify]],
    check: (request, body) => (secrets === null || isSigned(request, body, secrets) ? null : NOT_VERCEL),
  };
}

/** What vendors ask before they deliver. */
export function createChallengeRoutes(values: VendorValues): readonly Route[] {
  const { fastlyServiceIds, vercelVerify } = values;
  const routes: Route[] = [];
  if (fastlyServiceIds !== null) {
    const lines = fastlyServiceIds.map((id) =>
      id === '*' ? id : createHash('sha256').update(id).digest('hex'),
    );
    routes.push(answer('/.well-known/fastly/logging/challenge', `${lines.join('\n')}\n`, []));
  }
  if (vercelVerify !== null)
    routes.push(answer('/api/sites/:site/ingest/vercel', 'ready\n', [['x-vercel-verify', vercelVerify]]));
  return routes;
}

/** The token as the password of Basic, whatever the user, for vendors that can send nothing else. */
export function readPassword(headers: RequestHeaders): RequestHeaders {
  const [scheme = '', encoded = ''] = headers.authorization.split(' ', 2);
  if (scheme.toLowerCase() !== 'basic') return headers;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  return { ...headers, authorization: `Bearer ${decoded.slice(decoded.indexOf(':') + 1)}` };
}

/** The token as `?token=`, where no header has one. */
function readQueryToken({ headers, query }: Request): RequestHeaders {
  const token = new URLSearchParams(query).get('token') ?? '';
  const isHeaded = headers.authorization !== '' || headers.apiKey !== '';
  return isHeaded || token === '' ? readPassword(headers) : { ...headers, authorization: `Bearer ${token}` };
}

function answer(path: string, body: string, headers: readonly (readonly [string, string])[]): Route {
  const reply = {
    status: '200 OK',
    headers: [['Content-Type', 'text/plain; charset=utf-8'], ...headers] as const,
    body,
  };
  return { method: 'GET', path, bodyBytesMax: 0, handle: () => reply };
}

/** Hex HMAC-SHA1 with any of the secrets, over the body as it was sent or, where that is compressed, as it was before. */
function isSigned({ body: sent, fields }: Request, opened: Buffer, secrets: readonly string[]): boolean {
  const given = Buffer.from(fields[VERCEL_SIGNATURE] ?? '', 'hex');
  return secrets.some((secret) =>
    [...new Set([sent ?? opened, opened])].some((body) => {
      const expected = createHmac('sha1', secret).update(body).digest();
      return given.length === expected.length && timingSafeEqual(given, expected);
    }),
  );
}
