/** What single vendors want beside the body: where they put the token, what they sign, and what they expect to hear. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHeaders, Route } from '../../http/request.ts';
import { refuse, type Refusal } from '../verdict.ts';
import type { FormatName } from './formats.ts';

export interface VendorValues {
  /** Null: signatures are not looked at. */
  readonly vercelSecret: string | null;
  readonly vercelVerify: string | null;
  /** Null: Fastly's challenge is not answered. */
  readonly fastlyServiceIds: readonly string[] | null;
}

export interface Vendor {
  /** The answer to a delivery that was taken. */
  readonly status: '200 OK' | '202 Accepted';
  readonly headers: readonly (readonly [string, string])[];
  /** Null: the delivery is the vendor's. */
  readonly check: (request: Request) => Refusal | null;
}

export const VERCEL_SIGNATURE = 'x-vercel-signature';
const PLAIN: Vendor = { status: '202 Accepted', headers: [], check: () => null };
const NOT_VERCEL = refuse(
  'signature_invalid',
  'x-vercel-signature is not that of SLUICE_VERCEL_SECRET over this body.',
  VERCEL_SIGNATURE,
);

export function vendorOf(format: FormatName, values: VendorValues): Vendor {
  if (format !== 'vercel') return PLAIN;
  const { vercelSecret: secret, vercelVerify: verify } = values;
  return {
    // Anything else and Vercel sends the whole batch again.
    status: '200 OK',
    headers: verify === null ? [] : [['x-vercel-verify', verify]],
    check: (request) => (secret === null || isSigned(request, secret) ? null : NOT_VERCEL),
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
    routes.push(answer('/api/sites/:siteId/ingest/vercel', 'ready\n', [['x-vercel-verify', vercelVerify]]));
  return routes;
}

/**
 * The token of a delivery: as a bearer or X-Api-Key, else as the password of Basic, whatever the user, for vendors that
 * can send nothing else.
 */
export function readHeaders(headers: RequestHeaders): RequestHeaders {
  const [scheme = '', encoded = ''] = headers.authorization.split(' ', 2);
  if (scheme.toLowerCase() !== 'basic') return headers;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const token = decoded.slice(decoded.indexOf(':') + 1);
  return { ...headers, authorization: `Bearer ${token}` };
}

function answer(path: string, body: string, headers: readonly (readonly [string, string])[]): Route {
  const reply = {
    status: '200 OK',
    headers: [['Content-Type', 'text/plain; charset=utf-8'], ...headers] as const,
    body,
  };
  return { method: 'GET', path, bodyBytesMax: 0, handle: () => reply };
}

/** Hex HMAC-SHA1 over the body as it was sent. */
function isSigned(request: Request, secret: string): boolean {
  if (request.body === null) return true;
  const expected = createHmac('sha1', secret).update(request.body).digest();
  const given = Buffer.from(request.fields[VERCEL_SIGNATURE] ?? '', 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
