/**
 * Logs as their vendors deliver them, at /api/sites/{site_id}/ingest/…: the token where the vendor can put it, the body as
 * it is sent, the answer in the vendor's terms. A delivery that was not kept as a whole is answered so that it is sent
 * again: that is harmless, since rows are known by the vendor's request ids.
 */
import type { Grant } from '../../grants/grant.ts';
import { createProblem } from '../../http/problem.ts';
import type { Decompress } from '../../http/decompress.ts';
import type { Reply, Request, RequestHeaders, Route } from '../../http/request.ts';
import { readEnvelope } from '../../formats/firehose.ts';
import type { LogLine } from '../../formats/log-row.ts';
import { parseUuid } from '../../records/identity.ts';
import type { ReadContext } from '../../records/visit.ts';
import { admitBody, admitSite, admitToken, type BodyLimits } from '../admission.ts';
import type { BatchDeps } from '../batch/batch.ts';
import { findFailure, type BatchOutcome } from '../batch/outcome.ts';
import type { Limiter } from '../limiter.ts';
import { isRefusal, refuse, replyTo, type Refusal } from '../verdict.ts';
import {
  ACCESS_KEY,
  ATTRIBUTES,
  FIREHOSE_BYTES_MAX,
  FIREHOSE_LIMITS,
  headersOf,
  OPENED_BYTES_MAX,
  OPENED_TOO_MUCH,
  openRecords,
  readAttributes,
  replyFirehose,
  REQUEST_ID,
} from './firehose.ts';
import { formats, type FormatName } from './formats.ts';
import {
  createChallengeRoutes,
  readHeaders,
  vendorOf,
  VERCEL_SIGNATURE,
  type Vendor,
  type VendorValues,
} from './vendors.ts';
import { describeDelivery, takeDelivery, type Delivered } from './delivery.ts';

export interface ShipperValues extends VendorValues {
  readonly limits: BodyLimits;
}

export interface ShipperDeps extends BatchDeps {
  readonly limiter: Limiter;
  readonly decompress: Decompress;
  readonly chargeRequest: (grant: Grant, request: Request) => void;
  readonly contextOf: (grant: Grant, request: Request) => Omit<ReadContext, 'index'>;
  readonly admitHead: (
    name: string,
    request: Request,
    headers: RequestHeaders,
  ) => Reply | null | Promise<Reply | null>;
  readonly count: (
    name: string,
    grant: Grant | null,
    request: Request,
    result: BatchOutcome | Refusal,
  ) => void;
}

const SITE_ID_INVALID = refuse('site_id_invalid', 'invalid site ID: the path names the site by its UUID.');

export function createShipperRoutes(values: ShipperValues, deps: ShipperDeps): readonly Route[] {
  /** Who delivers to which site. */
  async function admit(
    request: Request,
    headers: RequestHeaders,
  ): Promise<{ readonly grant: Grant; readonly siteId: string } | Refusal> {
    const grant = await admitToken(deps, request, headers);
    if (isRefusal(grant)) return grant;
    deps.chargeRequest(grant, request);
    const siteId = parseUuid(request.parameters[0] ?? '');
    if (siteId === null) return SITE_ID_INVALID;
    const site = admitSite(grant.currentRoles, siteId);
    return isRefusal(site) ? site : { grant, siteId };
  }

  /** Takes the lines of an opened body, and counts them. */
  async function take(
    name: string,
    format: FormatName,
    request: Request,
    by: { readonly grant: Grant; readonly siteId: string },
    lines: Iterable<LogLine>,
    query: URLSearchParams,
  ): Promise<Delivered> {
    const delivered = await takeDelivery(
      {
        ...by,
        request,
        format,
        lines,
        context: deps.contextOf(by.grant, request),
        options: {
          wantsPageviews: isOn(query.get('pageviews')),
          hostname: query.get('hostname')?.toLowerCase() ?? null,
        },
        isValidatedOnly: isOn(query.get('validate_only')),
      },
      deps,
    );
    deps.limiter.charge(by.grant, 'records', delivered.linesRead);
    deps.count(name, by.grant, request, delivered.outcome);
    return delivered;
  }

  /** Whatever ends a delivery before its lines are read is counted here. */
  async function receive(
    name: string,
    request: Request,
    headers: RequestHeaders,
    open: (request: Request) => Promise<Buffer | Refusal> | Buffer | Refusal,
  ): Promise<{ readonly grant: Grant; readonly siteId: string; readonly body: Buffer } | Refusal> {
    const by = await admit(request, headers);
    const body = isRefusal(by) ? by : await open(request);
    if (!isRefusal(by) && !isRefusal(body)) return { ...by, body };
    const refusal = isRefusal(by) ? by : (body as Refusal);
    deps.count(name, isRefusal(by) ? null : by.grant, request, refusal);
    return refusal;
  }

  async function takeFile(format: FormatName, vendor: Vendor, request: Request): Promise<Reply> {
    const received = await receive(
      format,
      request,
      readHeaders(request.headers),
      (sent) => vendor.check(sent) ?? openFile(sent, values.limits, deps.decompress),
    );
    if (isRefusal(received)) return replyTo(received);
    const query = new URLSearchParams(request.query);
    const lines = formats[format](received.body.toString('utf8'), query.get('fields') ?? '');
    const delivered = await take(format, format, request, received, lines, query);
    const failure = findFailure(delivered.outcome);
    const more = describeDelivery(delivered);
    if (failure !== null) return createProblem(failure.code, { detail: failure.detail, more });
    return {
      status: delivered.outcome.isValidatedOnly ? '200 OK' : vendor.status,
      headers: [['Content-Type', 'application/json'], ...vendor.headers],
      body: `${JSON.stringify(more)}\n`,
    };
  }

  /** Told to go in Firehose's own words. */
  async function admitFirehose(request: Request): Promise<Reply | null> {
    const reason = deps.journal.refusal();
    const refusal =
      reason === null ? await admitToken(deps, request, headersOf(request)) : deps.refuseAppend(reason);
    if (!isRefusal(refusal)) return null;
    deps.count('firehose', null, request, refusal);
    return replyFirehose(request.fields[REQUEST_ID] ?? '', refusal);
  }

  async function takeFirehose(request: Request): Promise<Reply> {
    const received = await receive('firehose', request, headersOf(request), (sent) =>
      admitBody(sent, FIREHOSE_LIMITS, deps.decompress),
    );
    const sentId = request.fields[REQUEST_ID] ?? '';
    if (isRefusal(received)) return replyFirehose(sentId, received);
    const envelope = readEnvelope(received.body.toString('utf8'));
    if (typeof envelope === 'string') {
      const refusal = refuse('body_not_json', `No Firehose delivery: ${envelope}.`);
      deps.count('firehose', received.grant, request, refusal);
      return replyFirehose(sentId, refusal);
    }
    const query = new URLSearchParams({
      ...readAttributes(request.fields[ATTRIBUTES] ?? ''),
      ...Object.fromEntries(new URLSearchParams(request.query)),
    });
    const opened = { bytes: 0 };
    const lines = openRecords(envelope.records, query.get('fields') ?? '', opened);
    const { outcome } = await take('firehose', 'cloudfront', request, received, lines, query);
    const failure = findFailure(outcome) ?? (opened.bytes > OPENED_BYTES_MAX ? OPENED_TOO_MUCH : null);
    return replyFirehose(envelope.requestId, failure);
  }

  function fileRoute(format: FormatName): Route {
    const vendor = vendorOf(format, values);
    return {
      method: 'POST',
      path: `/api/sites/:siteId/ingest/${format}`,
      bodyBytesMax: values.limits.sentBytesMax,
      fields: [VERCEL_SIGNATURE],
      admit: (request) => deps.admitHead(format, request, readHeaders(request.headers)),
      handle: (request) => takeFile(format, vendor, request),
    };
  }

  return [
    ...createChallengeRoutes(values),
    ...(Object.keys(formats) as FormatName[]).map((format) => fileRoute(format)),
    {
      method: 'POST',
      path: '/api/sites/:siteId/ingest/firehose',
      bodyBytesMax: FIREHOSE_BYTES_MAX,
      fields: [ACCESS_KEY, ATTRIBUTES, REQUEST_ID],
      admit: (request) => admitFirehose(request),
      handle: takeFirehose,
    },
  ];
}

/** Log files are gzipped, whether a header says so or not. */
async function openFile(
  request: Request,
  limits: BodyLimits,
  decompress: Decompress,
): Promise<Buffer | Refusal> {
  const body = await admitBody(request, limits, decompress);
  if (isRefusal(body) || body[0] !== 0x1f || body[1] !== 0x8b) return body;
  return admitBody(
    { ...request, body, headers: { ...request.headers, contentEncoding: 'gzip' } },
    limits,
    decompress,
  );
}

function isOn(value: string | null): boolean {
  return value === '1' || value === 'true';
}
