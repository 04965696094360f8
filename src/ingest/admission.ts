/** Who may come in: the token's grant, the body's form, and the grant's reach over the record's site. */
import { mayManageData, type Grant, type SiteVerdict, type TokenVerdict } from '../grants/grant.ts';
import type { Grants } from '../grants/resolve.ts';
import { readCredential } from '../grants/token.ts';
import type { Request, RequestHeaders } from '../http/request.ts';
import { isFault, readPayload, type Payload } from '../records/payload.ts';
import { refuse, refuseFault, type Refusal } from './verdict.ts';

const UNAUTHORIZED = refuse(
  'unauthorized',
  "Send a token that is neither unknown, revoked nor expired, as 'Authorization: Bearer <token>' or 'X-Api-Key: <token>'.",
);
const FORBIDDEN = refuse('forbidden', 'Access denied: the client needs the role owner or admin on the site.');
const GRANT_IN_DOUBT = refuse(
  'grant_in_doubt',
  'The token cannot be checked at the moment. Keep the record and try again.',
);
const SITE_NOT_FOUND = refuse('site_not_found', 'Site not found: no site has the hostname of url.', 'url');

/** Synchronous when the grant is in memory. Doubt is 503: a sender drops its records on 401. */
export function admitToken(
  grants: Grants,
  headers: RequestHeaders,
): Grant | Refusal | Promise<Grant | Refusal> {
  const token = readCredential(headers.authorization, headers.apiKey);
  if (token === null) return UNAUTHORIZED;
  const verdict = grants.peek(token);
  return verdict === null ? grants.resolve(token).then(admitVerdict) : admitVerdict(verdict);
}

function admitVerdict(verdict: TokenVerdict): Grant | Refusal {
  switch (verdict.kind) {
    case 'granted':
      return verdict.grant;
    case 'denied':
      return UNAUTHORIZED;
    case 'doubt':
      return GRANT_IN_DOUBT;
  }
}

export function admitBody(request: Request, bytesMax: number): Payload | Refusal {
  if (request.body === null) {
    return refuse(
      'body_too_large',
      `The body is larger than ${bytesMax} bytes. Send fewer or smaller fields.`,
    );
  }
  const encoding = request.headers.contentEncoding.toLowerCase();
  if (encoding !== '' && encoding !== 'identity') {
    return refuse('content_encoding_unsupported', 'Send the body as it is, without Content-Encoding.');
  }
  const payload = readPayload(request.body);
  return isFault(payload) ? refuseFault(payload) : payload;
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
): string | Refusal | Promise<string | Refusal> {
  const site = grants.peekSite(domain);
  return site === null
    ? grants.resolveSite(domain).then((resolved) => admitVerdictOfSite(grant, resolved))
    : admitVerdictOfSite(grant, site);
}

function admitVerdictOfSite(grant: Grant, site: SiteVerdict): string | Refusal {
  switch (site.kind) {
    case 'site':
      return admitSite(grant.siteRoles, site.siteId);
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
  return grant.isRevoked ? GRANT_IN_DOUBT : null;
}
