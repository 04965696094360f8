/**
 * The story of one request: who is it, what is it, may it, keep it, answer.
 *
 *   token -> grant -> record -> site -> permission -> journal -> verdict
 *
 * The order of checks is HitKeep's. On the way of a good record nothing is awaited but its durability: grant and
 * site come from memory, and a promise is awaited only where there is one. Every request ends in one verdict.
 */
import { randomBytes } from 'node:crypto';
import type { Grants } from '../grants/resolve.ts';
import type { Grant } from '../grants/grant.ts';
import type { Reply, Request, Route } from '../http/request.ts';
import type { Journal } from '../journal/journal.ts';
import { createRowWriter } from '../records/entry.ts';
import { createIdSource } from '../records/identity.ts';
import { isFault, type Payload } from '../records/payload.ts';
import type { TimePolicy } from '../records/time.ts';
import { createAcknowledgement } from './acknowledgement.ts';
import { admitBody, admitDomain, admitSite, admitToken, checkGrantAgain, checkKey } from './admission.ts';
import type { CountryOf } from './country.ts';
import { aiFetchKind, eventKind, pageviewKind, type Droppable, type Kind } from './kinds.ts';
import { createTally, type IngestStats } from './tally.ts';
import type { Usage } from './usage.ts';
import { isRefusal, refuseFault, replyTo, type Durability, type Refusal, type Verdict } from './verdict.ts';

export interface IngestValues {
  readonly bodyBytesMax: number;
  readonly durability: Durability;
  readonly ackWaitMs: number;
  readonly timePolicy: TimePolicy;
}

export interface IngestDeps {
  readonly grants: Grants;
  readonly journal: Journal;
  readonly usage: Pick<Usage, 'count'>;
  readonly countryOf: CountryOf;
}

export interface Ingest {
  readonly routes: readonly Route[];
  stats(): IngestStats;
}

export function createIngest(values: IngestValues, deps: IngestDeps): Ingest {
  const { grants, journal, usage } = deps;
  const acknowledge = createAcknowledgement(values, journal);
  const tally = createTally();
  const writer = createRowWriter();
  const ids = createIdSource(randomBytes);

  async function judge<R extends Droppable>(kind: Kind<R>, request: Request, grant: Grant): Promise<Verdict> {
    const named = kind.siteIdOf(request);
    if (named !== null && isRefusal(named)) return named;
    const early = named === null ? null : admitSite(grant.currentRoles, named);
    if (early !== null && isRefusal(early)) return early;
    const payload = checkKey(request.headers.idempotencyKey) ?? admitBody(request, values.bodyBytesMax);
    if (isRefusal(payload)) return payload;
    const nowMs = Date.now();
    const record = readRecord(kind, payload, request, grant, nowMs);
    if (isRefusal(record)) return record;
    const reached = early ?? admitDomain(grants, grant, kind.domainOf(record));
    const siteId = reached instanceof Promise ? await reached : reached;
    if (isRefusal(siteId)) return siteId;
    const late = kind.checkLate(record);
    if (late !== null) return refuseFault(late);
    const ended = checkGrantAgain(grant);
    if (ended !== null) return ended;
    if (record.isDropped) return { kind: 'dropped', reason: 'dnt' };
    kind.encode(writer, record, { siteId, clientId: grant.clientId, nowMs, ids });
    return acknowledge(request.headers.prefer, journal.append(writer.buffer, 0, writer.length));
  }

  function readRecord<R extends Droppable>(
    kind: Kind<R>,
    payload: Payload,
    request: Request,
    grant: Grant,
    nowMs: number,
  ): R | Refusal {
    const record = kind.read(payload, {
      nowMs,
      timePolicy: values.timePolicy,
      countryOf: deps.countryOf,
      clientId: grant.clientId,
      idempotencyKey: request.headers.idempotencyKey,
      index: 0,
    });
    return isFault(record) ? refuseFault(record) : record;
  }

  async function serve<R extends Droppable>(kind: Kind<R>, request: Request): Promise<Reply> {
    const admitted = admitToken(grants, request.headers);
    const grant = admitted instanceof Promise ? await admitted : admitted;
    const verdict = isRefusal(grant) ? grant : await judge(kind, request, grant);
    if (!isRefusal(grant)) usage.count(grant, request, verdict);
    tally.count(kind.name, verdict);
    return replyTo(verdict);
  }

  function routeOf<R extends Droppable>(kind: Kind<R>): Route {
    return {
      method: 'POST',
      path: kind.path,
      bodyBytesMax: values.bodyBytesMax,
      handle: (request) => serve(kind, request),
    };
  }

  return {
    routes: [routeOf(pageviewKind), routeOf(eventKind), routeOf(aiFetchKind)],
    stats: () => tally.stats(),
  };
}
