/**
 * The story of a batch: each record is read, looked up and judged like a single one, and a bad one costs only itself;
 * the good ones go to the journal together, and the answer waits once, for the last of them.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Grant } from '../../grants/grant.ts';
import type { Grants } from '../../grants/resolve.ts';
import type { Request } from '../../http/request.ts';
import type { Append, Journal } from '../../journal/journal.ts';
import type { RowWriter } from '../../records/entry.ts';
import type { IdSource } from '../../records/identity.ts';
import { isFault, type Fault, type Payload } from '../../records/payload.ts';
import type { ReadContext } from '../../records/visit.ts';
import type { Acknowledge, RefuseAppend } from '../acknowledgement.ts';
import { admitDomain, admitSite, checkGrantAgain } from '../admission.ts';
import { ENTRY_TOO_LARGE, isRefusal, refuseFault, type Refusal } from '../verdict.ts';
import type { RecordLedger } from '../counting/count.ts';
import type { CountEarlier, RowIdentity } from './duplicates.ts';
import type { AnyRecord, MixedKind } from './mixed.ts';
import type { BatchOutcome, RecordError } from './outcome.ts';

export interface BatchDeps {
  readonly grants: Grants;
  readonly journal: Journal;
  readonly ledger: RecordLedger;
  readonly writer: RowWriter;
  readonly ids: IdSource;
  readonly acknowledge: Acknowledge;
  readonly refuseAppend: RefuseAppend;
  readonly countEarlier: CountEarlier;
  /** An entry that is larger cannot be kept. */
  readonly entryBytesMax: number;
}

export interface Batch {
  readonly elements: readonly (Payload | Fault)[];
  readonly kindOf: (payload: Payload) => MixedKind | Refusal;
  /** The site that the path names; null: the records lead to theirs. */
  readonly namedSite: string | null;
  readonly grant: Grant;
  readonly request: Request;
  readonly context: Omit<ReadContext, 'index'>;
  readonly isValidatedOnly: boolean;
  /** What to keep instead of a record that is refused for what it says. Not set: nothing. */
  readonly salvage?: (index: number, fault: Fault) => { readonly kind: MixedKind; readonly payload: Payload };
}

interface Judged {
  readonly index: number;
  readonly kind: MixedKind;
  readonly record: AnyRecord;
  readonly site: string | Refusal | Promise<string | Refusal>;
}

/** One for all records of a batch: each is read at once, with its own index in it. */
type MovingContext = Omit<ReadContext, 'index'> & { index: number };

/** Others get their turn after so many records. */
const TURN_RECORDS = 250;

/**
 * A record goes to the journal as soon as it is judged, so that what was made of it is garbage before the next. One whose site has
 * to be looked up waits until all are judged, with those behind it: their order is kept.
 */
export async function takeBatch(batch: Batch, deps: BatchDeps): Promise<BatchOutcome> {
  const { elements } = batch;
  const errors: RecordError[] = [];
  const refuseAt = (index: number, refusal: Refusal): void => {
    errors.push({ index, id: readOwnId(elements[index]), refusal });
  };
  const kept = createKeeper(batch, deps);
  const keep = (one: Judged, site: string | Refusal): void => {
    const refusal = isRefusal(site) ? site : kept.keep(one, site);
    if (refusal !== null) refuseAt(one.index, refusal);
  };
  const context = { ...batch.context, index: 0 };
  const waiting: Judged[] = [];
  for (const element of elements) {
    if (context.index % TURN_RECORDS === TURN_RECORDS - 1) await yieldToOthers();
    const one = isFault(element) ? refuseFault(element) : judgeRecord(batch, deps, context, element);
    if (isRefusal(one)) refuseAt(context.index, one);
    else if (waiting.length > 0 || one.site instanceof Promise) waiting.push(one);
    else keep(one, one.site);
    context.index++;
  }
  for (const [place, one] of waiting.entries()) {
    if (place % TURN_RECORDS === TURN_RECORDS - 1) await yieldToOthers();
    keep(one, one.site instanceof Promise ? await one.site : one.site);
  }
  const end = await kept.finish();
  if (end.late !== null) for (const index of end.late.indexes) refuseAt(index, end.late.refusal);
  return {
    received: elements.length,
    accepted: end.accepted,
    dropped: end.dropped,
    duplicate: end.duplicate,
    errors: errors.toSorted((one, other) => one.index - other.index),
    durability: end.durability,
    isValidatedOnly: batch.isValidatedOnly,
  };
}

function judgeRecord(
  batch: Batch,
  deps: BatchDeps,
  context: MovingContext,
  payload: Payload,
): Judged | Refusal {
  const { index } = context;
  const kind = batch.kindOf(payload);
  if (isRefusal(kind)) return kind;
  const record = kind.read(payload, context);
  if (isFault(record)) return salvageRecord(batch, context, record);
  if (batch.namedSite !== null) return { index, kind, record, site: batch.namedSite };
  const target = kind.targetOf(record, payload);
  if (isFault(target)) return refuseFault(target);
  const site =
    'siteId' in target
      ? admitSite(kind.rolesOf(batch.grant), target.siteId)
      : admitDomain(deps.grants, batch.grant, target.domain, kind.rolesOf(batch.grant));
  return { index, kind, record, site };
}

function salvageRecord(batch: Batch, context: MovingContext, fault: Fault): Judged | Refusal {
  const saved = batch.salvage?.(context.index, fault);
  if (saved === undefined || batch.namedSite === null) return refuseFault(fault);
  const record = saved.kind.read(saved.payload, context);
  if (isFault(record)) return refuseFault(fault);
  return { index: context.index, kind: saved.kind, record, site: batch.namedSite };
}

interface Kept {
  readonly accepted: number;
  readonly dropped: number;
  readonly duplicate: number | null;
  readonly durability: BatchOutcome['durability'];
  /** Records that were appended, and are not safe. */
  readonly late: { readonly indexes: readonly number[]; readonly refusal: Refusal } | null;
}

function createKeeper(batch: Batch, deps: BatchDeps) {
  const { journal, ledger, writer, ids, acknowledge, countEarlier } = deps;
  const appended: number[] = [];
  const identities: RowIdentity[] = [];
  let dropped = 0;
  let last: Append | null = null;

  function keep(one: Judged, siteId: string): Refusal | null {
    const late = one.kind.checkLate(one.record);
    if (late !== null) return refuseFault(late);
    const ended = checkGrantAgain(batch.grant);
    if (ended !== null) return ended;
    if (one.record.isDropped) {
      dropped++;
      return null;
    }
    const { nowMs } = batch.context;
    one.kind.encode(writer, one.record, { siteId, clientId: batch.grant.clientId, nowMs, ids });
    if (writer.length() > deps.entryBytesMax) return ENTRY_TOO_LARGE;
    if (!batch.isValidatedOnly) {
      const append = journal.append(writer.buffer(), 0, writer.length());
      if (append.kind === 'refused') return deps.refuseAppend(append.reason);
      last = append;
      ledger.append(batch.grant.clientId);
    }
    appended.push(one.index);
    const { id, timestampUs } = one.record;
    if (id !== null) identities.push({ table: one.kind.table, siteId, timestampUs, id });
    return null;
  }

  async function finish(): Promise<Kept> {
    const nothing = { accepted: 0, dropped, duplicate: null, durability: null, late: null } as const;
    if (batch.isValidatedOnly) return { ...nothing, accepted: appended.length };
    if (last === null) return nothing;
    const verdict = await acknowledge(batch.request.headers.prefer, last);
    if (verdict.kind === 'refused') return { ...nothing, late: { indexes: appended, refusal: verdict } };
    const durability = verdict.kind === 'accepted' ? verdict.durability : null;
    const duplicate = durability === 'postgres' ? await countDuplicates() : null;
    return { accepted: appended.length, dropped, duplicate, durability, late: null };
  }

  async function countDuplicates(): Promise<number | null> {
    const distinct = new Map(
      identities.map((one) => [`${one.table} ${one.siteId} ${one.timestampUs} ${one.id}`, one]),
    );
    const earlier = await countEarlier([...distinct.values()], batch.context.nowMs);
    return earlier === null ? null : earlier + identities.length - distinct.size;
  }

  return { keep, finish };
}

function readOwnId(element: Payload | Fault | undefined): string | null {
  if (element === undefined || isFault(element)) return null;
  const { id } = element.fields;
  return typeof id === 'string' && id.length <= 64 ? id : null;
}
