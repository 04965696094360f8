/**
 * Logs as their vendors deliver them, at /api/sites/{site_id}/ingest/…: the token where the vendor can put it, the body as
 * it is sent, the answer in the vendor's terms. A delivery that was not kept as a whole is answered so that it is sent
 * again: that is harmless, since rows are known by the vendor's request ids.
 */
import { createProblem } from '../../http/problem.ts';
import type { Decompress } from '../../http/decompress.ts';
import type { Reply, Request, Route } from '../../http/request.ts';
import { admitBody, type BodyLimits } from '../admission.ts';
import { after } from '../after.ts';
import { isRefusal, replyTo, type Refusal } from '../verdict.ts';
import { findFailure } from '../batch/outcome.ts';
import { describeDelivery } from './delivery.ts';
import { createDesk, type ShipperDeps } from './desk.ts';
import { createFirehoseRoute } from './firehose.ts';
import { formats, type FormatName } from './formats.ts';
import {
  createChallengeRoutes,
  vendorOf,
  VERCEL_SIGNATURE,
  type Vendor,
  type VendorValues,
} from './vendors.ts';

export interface ShipperValues extends VendorValues {
  readonly limits: BodyLimits;
}

export function createShipperRoutes(values: ShipperValues, deps: ShipperDeps): readonly Route[] {
  const desk = createDesk(deps);

  async function takeFile(format: FormatName, vendor: Vendor, request: Request): Promise<Reply> {
    const received = await desk.receive(format, request, vendor.readHeaders(request), async (sent) => {
      const body = await openFile(sent, values.limits, deps.decompress);
      return isRefusal(body) ? body : (vendor.check(sent, body) ?? body);
    });
    if (isRefusal(received)) return replyTo(received);
    const query = new URLSearchParams(request.query);
    const lines = formats[format](received.body.toString('utf8'), query.get('fields') ?? '');
    const delivered = await desk.take(format, format, request, received, lines, query);
    const failure = findFailure(delivered.outcome);
    const more = describeDelivery(delivered);
    if (failure !== null) return createProblem(failure.code, { detail: failure.detail, more });
    return {
      status: delivered.outcome.isValidatedOnly ? '200 OK' : vendor.status,
      headers: [['Content-Type', 'application/json']],
      body: `${JSON.stringify(more)}\n`,
    };
  }

  function fileRoute(format: FormatName): Route {
    const vendor = vendorOf(format, values);
    const tell = (reply: Reply): Reply => ({ ...reply, headers: [...reply.headers, ...vendor.headers] });
    const tellRefusal = (refusal: Refusal | null): Reply | null =>
      refusal === null ? null : tell(replyTo(refusal));
    return {
      method: 'POST',
      path: `/api/sites/:site/ingest/${format}`,
      bodyBytesMax: values.limits.sentBytesMax,
      fields: [VERCEL_SIGNATURE],
      admit: (request) => after(deps.judgeHead(format, request, vendor.readHeaders(request)), tellRefusal),
      handle: async (request) => tell(await takeFile(format, vendor, request)),
    };
  }

  return [
    ...createChallengeRoutes(values),
    ...(Object.keys(formats) as FormatName[]).map((format) => fileRoute(format)),
    createFirehoseRoute(desk, deps),
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
  const headers = { ...request.headers, contentEncoding: 'gzip' };
  return admitBody({ ...request, body, headers }, limits, decompress);
}
