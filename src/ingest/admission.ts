/** Who may come in: the token's grant, the body's form, and the grant's reach over the record's site. */
import { mayManageData, type Grant, type SiteVerdict, type TokenVerdict } from '../grants/grant.ts';
import type { Grants } from '../grants/resolve.ts';
import { readCredential } from '../grants/token.ts';
import { ENCODINGS, isEncoded, type Decompress } from '../http/decompress.ts';
import { OVERLOADED_DETAIL } from '../http/exchange/budget.ts';
import type { Request, RequestHeaders } from '../http/request.ts';
import { after } from './after.ts';
import type { Limiter } from './limiter.ts';
import { refuse, type Refusal } from './verdict.ts';

const UNAUTHORIZED = refuse(
  'unauthorized',
  "Send a token that is neither unknown, revoked nor expired, as 'Authorization: Bearer <token>' or 'X-Api-Key: <token>'.",
);
const FORBIDDEN = refuse('forbidden', 'Access denied: the client needs the role owner or admin on the site.');
const GRANT_IN_DOUBT = refuse(
  'grant_in_doubt',
  'The token cannot be checked at the moment. Keep the record and try again.',
);
const OVERLOADED = refuse('overloaded', OVERLOADED_DETAIL);
const SITE_NOT_FOUND = refuse('site_not_found', 'Site not found: no site has the hostname of url.', 'url');

export interface Doorkeepers {
  readonly grants: Grants;
  readonly limiter: Limiter;
}

/**
 * Synchronous when the grant is in memory. Doubt is 503: a sender drops its records on 401. `headers`: the request's
 * own, or those that its vendor's form amounts to.
 */
export function admitToken(
  { grants, limiter }: Doorkeepers,
  request: Request,
  headers: RequestHeaders,
): Grant | Refusal | Promise<Grant | Refusal> {
  const token = readCredential(headers.authorization, headers.apiKey);
  if (token === null) return UNAUTHORIZED;
  const verdict = grants.peek(token);
  if (verdict !== null) return admitVerdict(verdict, limiter);
  // Read now: it is gone with the connection.
  const address = request.address();
  const blocked = limiter.judgeAddress(address);
  if (blocked !== null) return blocked;
  return grants.resolve(token).then((resolved) => {
    if (resolved.kind === 'denied') limiter.countUnknown(address);
    return admitVerdict(resolved, limiter);
  });
}

function admitVerdict(verdict: TokenVerdict, limiter: Limiter): Grant | Refusal {
  switch (verdict.kind) {
    case 'granted':
      return limiter.judge(verdict.grant) ?? verdict.grant;
    case 'denied':
      return UNAUTHORIZED;
    case 'doubt':
      return GRANT_IN_DOUBT;
  }
}

/** The body as it was before its Content-Encoding. Synchronous when it has none. */
export function admitBody(
  request: Request,
  limits: BodyLimits,
  decompress: Decompress,
): Buffer | Refusal | Promise<Buffer | Refusal> {
  if (request.body === null) return refuseSize(limits.sentBytesMax);
  const { contentEncoding } = request.headers;
  if (!isEncoded(contentEncoding)) return request.body;
  const values = { bytesMax: limits.bytesMax, ratioMax: limits.ratioMax };
  return decompress(request.body, contentEncoding, values, () => request.hold(0)).then((decompressed) => {
    switch (decompressed.kind) {
      case 'unwanted':
        return OVERLOADED;
      case 'body':
        return request.hold(decompressed.body.length) ? decompressed.body : OVERLOADED;
      case 'unsupported':
        return refuse('content_encoding_unsupported', `Send the body as it is, or as one of ${ENCODINGS}.`);
      case 'malformed':
        return refuse(
          'content_encoding_malformed',
          'The body is not what its Content-Encoding says, or is cut off.',
        );
      case 'too_large':
        return refuse(
          'body_too_large',
          `The body has more than ${limits.bytesMax} bytes when decompressed, or ${limits.ratioMax} for each that was sent. Send several batches.`,
        );
    }
  });
}

export interface BodyLimits {
  /** As it is sent. */
  readonly sentBytesMax: number;
  /** Decompressed. */
  readonly bytesMax: number;
  readonly ratioMax: number;
}

export function refuseSize(bytesMax: number): Refusal {
  return refuse('body_too_large', `The body is larger than ${bytesMax} bytes. Send less at once.`);
}

/** The site, when one of these roles of a grant reaches it. */
export function admitSite(roles: Grant['siteRoles'], siteId: string): string | Refusal {
  const role = roles.get(siteId);
  return role !== undefined && mayManageData(role) ? siteId : FORBIDDEN;
}

/** The site of a domain, when the grant reaches it. 404 comes before 403, as in HitKeep. */
export function admitDomain(
  grants: Grants,
  grant: Grant,
  domain: string,
  roles: Grant['siteRoles'] = grant.siteRoles,
): string | Refusal | Promise<string | Refusal> {
  return after(grants.peekSite(domain) ?? grants.resolveSite(domain), (site) =>
    admitVerdictOfSite(roles, site),
  );
}

function admitVerdictOfSite(roles: Grant['siteRoles'], site: SiteVerdict): string | Refusal {
  switch (site.kind) {
    case 'site':
      return admitSite(roles, site.siteId);
    case 'unknown':
      return SITE_NOT_FOUND;
    case 'doubt':
      return refuse(
        'site_in_doubt',
        'The site cannot be looked up at the moment. Keep the record and try again.',
      );
  }
}

/** An Idempotency-Key is hashed into ids: any printable text of sensible length. '' = absent. */
export function checkKey(key: string): Refusal | null {
  if (key === '' || KEY.test(key)) return null;
  return refuse(
    'header_invalid',
    'Idempotency-Key must be 1 to 255 printable ASCII characters.',
    'Idempotency-Key',
  );
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * A grant can change or end while its request waits for a look-up. A changed one is doubt: whether it was revoked,
 * or only got another role, the next request will know.
 */
export function checkGrantAgain(grant: Grant): Refusal | null {
  return grant.isVoid ? GRANT_IN_DOUBT : null;
}
