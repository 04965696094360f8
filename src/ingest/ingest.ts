/**
 * The story of one request: who is it, what is it, may it, keep it, answer.
 *
 *   token -> grant -> record -> site -> permission -> journal -> verdict
 *
 * The order of checks is HitKeep's. On the way of a good record nothing is awaited but its durability: grant and
 * site come from memory, and a promise is awaited only where there is one. Every record ends in one verdict; a body
 * with many of them goes the same way in `batch/`.
 */
import { randomBytes } from 'node:crypto';
import type { Grants } from '../grants/resolve.ts';
import type { Grant } from '../grants/grant.ts';
import { createDecompress } from '../http/decompress.ts';
import type { Reply, Request, Route } from '../http/request.ts';
import type { Journal } from '../journal/journal.ts';
import { createRowWriter } from '../records/entry.ts';
import { createIdSource } from '../records/identity.ts';
import { isFault, type Payload } from '../records/payload.ts';
import type { TimePolicy } from '../records/time.ts';
import { after } from './after.ts';
import { aiAgentsRoute } from './ai-agents.ts';
import { createAcknowledgement, createAppendRefusals, type SecondsUntilRoom } from './acknowledgement.ts';
import { admitBody, admitSite, admitToken, checkKey, refuseSize, type BodyLimits } from './admission.ts';
import { takeBatch } from './batch/batch.ts';
import type { CountEarlier } from './batch/duplicates.ts';
import { kindOfType, mixedKinds, type MixedKind } from './batch/mixed.ts';
import { replyBatch, type BatchOutcome } from './batch/outcome.ts';
import { splitBody } from './batch/split.ts';
import { createShipperRoutes } from './shippers/shippers.ts';
import type { VendorValues } from './shippers/vendors.ts';
import { createCount, type CountDeps } from './counting/count.ts';
import { createTally, type IngestStats } from './counting/tally.ts';
import type { CountryOf } from './enrich/country.ts';
import { aiFetchKind, eventKind, pageviewKind, type Droppable, type Kind } from './single/kinds.ts';
import { createSingle, type Sent } from './single/single.ts';
import type { IsVerified } from '../crawlers/ranges.ts';
import type { Limiter } from './limiter.ts';
import { createReception } from './reception.ts';
import { isOn } from './switch.ts';
import { isRefusal, refuseFault, replyTo, type Durability, type Refusal, type Verdict } from './verdict.ts';

export interface IngestValues {
  /** Of a single record. */
  readonly bodyBytesMax: number;
  /** Of a record as the journal keeps it, which must take it. */
  readonly entryBytesMax: number;
  readonly limits: BodyLimits;
  readonly recordsMax: number;
  readonly durability: Durability;
  readonly ackWaitMs: number;
  readonly timePolicy: TimePolicy;
  readonly vendors: VendorValues;
}

export interface IngestDeps extends Omit<CountDeps, 'tally'> {
  readonly grants: Grants;
  readonly limiter: Limiter;
  readonly journal: Journal;
  readonly countryOf: CountryOf;
  readonly isVerified: IsVerified;
  readonly countEarlier: CountEarlier;
  readonly secondsUntilRoom: SecondsUntilRoom;
}

export interface Ingest {
  readonly routes: readonly Route[];
  stats(): IngestStats;
}

/** A route's single form, when it has one, and what its batches may hold. */
interface Entrance<R extends Droppable> {
  readonly path: string;
  readonly kind: Kind<R> | null;
  readonly kindOf: (payload: Payload) => MixedKind | Refusal;
}

type Outcome = Verdict | BatchOutcome;

/** A request that may be looked into. `site`: the one that its path names. */
interface Opened extends Pick<Sent, 'grant' | 'request'> {
  readonly site: string | null;
  readonly body: Buffer;
}

export function createIngest(values: IngestValues, deps: IngestDeps): Ingest {
  const { limiter, journal } = deps;
  const refuseAppend = createAppendRefusals(deps.secondsUntilRoom);
  const acknowledge = createAcknowledgement(values, journal, refuseAppend);
  const tally = createTally();
  const count = createCount({ ...deps, tally });
  const reception = createReception(values, { ...deps, refuseAppend, count });
  const { judgeHead, chargeRequest, contextOf } = reception;
  const decompress = createDecompress();
  const writer = createRowWriter();
  const ids = createIdSource(randomBytes);
  const { entryBytesMax } = values;
  const recordDeps = { ...deps, acknowledge, refuseAppend, writer, ids, entryBytesMax };
  const takeSingle = createSingle(recordDeps);

  function serve<R extends Droppable>(entrance: Entrance<R>, request: Request): Reply | Promise<Reply> {
    const startedAtMs = performance.now();
    const name = entrance.kind?.name ?? 'batch';
    const answer = (grant: Grant | null, outcome: Outcome): Reply => {
      count(name, grant, request, outcome);
      const reply = 'received' in outcome ? replyBatch(outcome) : replyTo(outcome);
      if (reply.status.startsWith('202')) tally.countWait(performance.now() - startedAtMs);
      return reply;
    };
    return after(admitToken(deps, request, request.headers), (grant) => {
      if (isRefusal(grant)) return answer(null, grant);
      chargeRequest(grant, request);
      return after(take(entrance, request, grant), (outcome) => answer(grant, outcome));
    });
  }

  function take<R extends Droppable>(
    entrance: Entrance<R>,
    request: Request,
    grant: Grant,
  ): Outcome | Promise<Outcome> {
    const named = entrance.kind?.siteIdOf(request) ?? null;
    if (named !== null && isRefusal(named)) return named;
    const site = named === null ? null : admitSite(grant.currentRoles, named);
    if (site !== null && isRefusal(site)) return site;
    const opened = checkKey(request.headers.idempotencyKey) ?? admitBody(request, values.limits, decompress);
    return after(opened, (body) => (isRefusal(body) ? body : read(entrance, { request, grant, site, body })));
  }

  function read<R extends Droppable>(
    { kind, kindOf }: Entrance<R>,
    { request, grant, site, body }: Opened,
  ): Outcome | Promise<Outcome> {
    const isValidatedOnly =
      request.query !== '' && isOn(new URLSearchParams(request.query).get('validate_only'));
    const split = splitBody(body, request.headers.contentType, values.recordsMax);
    if (isFault(split)) return refuseFault(split);
    limiter.charge(grant, 'records', split.form === 'single' ? 1 : split.elements.length);
    const context = contextOf(grant, request);
    if (split.form === 'single' && body.length > values.bodyBytesMax) return refuseSize(values.bodyBytesMax);
    if (split.form === 'single' && kind !== null && !isValidatedOnly)
      return takeSingle(kind, split.payload, site, { grant, request, context });
    const elements = split.form === 'single' ? [split.payload] : split.elements;
    return takeBatch(
      { elements, kindOf, namedSite: site, grant, request, context, isValidatedOnly },
      recordDeps,
    );
  }

  function routeOf<R extends Droppable>(entrance: Entrance<R>): Route {
    return {
      method: 'POST',
      path: entrance.path,
      bodyBytesMax: values.limits.sentBytesMax,
      admit: (request) =>
        after(judgeHead(entrance.kind?.name ?? 'batch', request, request.headers), (refusal) =>
          refusal === null ? null : replyTo(refusal),
        ),
      handle: (request) => serve(entrance, request),
    };
  }

  return {
    routes: [
      routeOf({ path: pageviewKind.path, kind: pageviewKind, kindOf: () => mixedKinds.pageview }),
      routeOf({ path: eventKind.path, kind: eventKind, kindOf: () => mixedKinds.event }),
      routeOf({ path: aiFetchKind.path, kind: aiFetchKind, kindOf: () => mixedKinds.ai_fetch }),
      routeOf({ path: '/api/ingest/server/batch', kind: null, kindOf: kindOfType }),
      aiAgentsRoute,
      ...createShipperRoutes(
        { limits: values.limits, ...values.vendors },
        { ...recordDeps, ...reception, count, decompress },
      ),
    ],
    stats: () => tally.stats(),
  };
}
