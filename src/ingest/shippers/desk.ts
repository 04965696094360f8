/**
 * Where a vendor's delivery comes in: who sends it, to which site, and what it holds once opened; then its lines are taken.
 * Both ends count: no delivery is without its outcome in the metrics.
 */
import type { Grant } from '../../grants/grant.ts';
import type { Grants } from '../../grants/resolve.ts';
import type { LogLine } from '../../formats/log-row.ts';
import type { Decompress } from '../../http/decompress.ts';
import type { Request, RequestHeaders } from '../../http/request.ts';
import { parseUuid } from '../../records/identity.ts';
import { splitUrl } from '../../records/url.ts';
import { admitDomain, admitSite, admitToken } from '../admission.ts';
import type { BatchDeps } from '../batch/batch.ts';
import type { Count } from '../counting/count.ts';
import type { Limiter } from '../limiter.ts';
import type { Reception } from '../reception.ts';
import { isOn } from '../switch.ts';
import { isRefusal, refuse, type Refusal } from '../verdict.ts';
import { takeDelivery, type Delivered } from './delivery.ts';
import type { FormatName } from './formats.ts';

export interface ShipperDeps extends BatchDeps, Reception {
  readonly decompress: Decompress;
  readonly limiter: Limiter;
  readonly count: Count;
}

export interface Sender {
  readonly grant: Grant;
  readonly siteId: string;
}

export interface Desk {
  /** The opened body, and whose it is. Whatever ends a delivery before its lines are read is counted here. */
  receive(
    name: string,
    request: Request,
    headers: RequestHeaders,
    open: (request: Request) => Promise<Buffer | Refusal> | Buffer | Refusal,
  ): Promise<(Sender & { readonly body: Buffer }) | Refusal>;
  /** Takes the lines of an opened body, and counts them. */
  take(
    name: string,
    format: FormatName,
    request: Request,
    sender: Sender,
    lines: Iterable<LogLine>,
    query: URLSearchParams,
  ): Promise<Delivered>;
}

const SITE_ID_INVALID = refuse(
  'site_id_invalid',
  'invalid site ID: the path names the site by its UUID or its domain.',
);

export function createDesk(deps: ShipperDeps): Desk {
  async function admit(request: Request, headers: RequestHeaders): Promise<Sender | Refusal> {
    const grant = await admitToken(deps, request, headers);
    if (isRefusal(grant)) return grant;
    deps.chargeRequest(grant, request);
    const siteId = await admitNamedSite(deps.grants, grant, request.parameters[0] ?? '');
    return isRefusal(siteId) ? siteId : { grant, siteId };
  }

  return {
    async receive(name, request, headers, open) {
      const sender = await admit(request, headers);
      const body = isRefusal(sender) ? sender : await open(request);
      if (!isRefusal(sender) && !isRefusal(body)) return { ...sender, body };
      const refusal = isRefusal(sender) ? sender : (body as Refusal);
      deps.count(name, isRefusal(sender) ? null : sender.grant, request, refusal);
      return refusal;
    },

    async take(name, format, request, { grant, siteId }, lines, query) {
      const delivered = await takeDelivery(
        {
          grant,
          siteId,
          request,
          format,
          lines,
          context: deps.contextOf(grant, request),
          options: {
            wantsPageviews: isOn(query.get('pageviews')),
            hostname: query.get('hostname')?.toLowerCase() ?? null,
          },
          isValidatedOnly: isOn(query.get('validate_only')),
        },
        deps,
      );
      deps.limiter.charge(grant, 'records', delivered.linesRead);
      deps.count(name, grant, request, delivered.outcome);
      return delivered;
    },
  };
}

/** By its id, or by its domain as a URL would have it. */
async function admitNamedSite(grants: Grants, grant: Grant, name: string): Promise<string | Refusal> {
  const siteId = parseUuid(name);
  if (siteId !== null) return admitSite(grant.currentRoles, siteId);
  const url = splitUrl(`https://${name}/`);
  if (url === null || url.path !== '/') return SITE_ID_INVALID;
  const site = await admitDomain(grants, grant, url.hostname, grant.currentRoles);
  return isRefusal(site) && site.code === 'site_not_found'
    ? refuse('site_not_found', `Site not found: no site has the domain ${url.hostname}.`)
    : site;
}
