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
  readonly payload: Payload;
  readonly kind: MixedKind;
  readonly record: AnyRecord;
  readonly site: string | Refusal | Promise<string | Refusal>;
}

/** Others get their turn after so many records. */
const TURN_RECORDS = 500;

export async function takeBatch(batch: Batch, deps: BatchDeps): Promise<BatchOutcome> {
  const errors: RecordError[] = [];
  const refuseAt = (index: number, element: Payload | Fault, refusal: Refusal): void => {
    errors.push({ index, id: readOwnId(element), refusal });
  };
  const judged: Judged[] = [];
  for (const [index, element] of batch.elements.entries()) {
    if (index % TURN_RECORDS === TURN_RECORDS - 1) await yieldToOthers();
    const one = isFault(element) ? refuseFault(element) : judgeRecord(batch, deps, index, element);
    if (isRefusal(one)) refuseAt(index, element, one);
    else judged.push(one);
  }
  const kept = createKeeper(batch, deps);
  for (const [place, one] of judged.entries()) {
    if (place % TURN_RECORDS === TURN_RECORDS - 1) await yieldToOthers();
    const site = one.site instanceof Promise ? await one.site : one.site;
    const refusal = isRefusal(site) ? site : kept.keep(one, site);
    if (refusal !== null) refuseAt(one.index, one.payload, refusal);
  }
  const end = await kept.finish();
  for (const { one, refusal } of end.late) refuseAt(one.index, one.payload, refusal);
  return {
    received: batch.elements.length,
    accepted: end.accepted,
    dropped: end.dropped,
    duplicate: end.duplicate,
    errors: errors.toSorted((one, other) => one.index - other.index),
    durability: end.durability,
    isValidatedOnly: batch.isValidatedOnly,
  };
}

function judgeRecord(batch: Batch, deps: BatchDeps, index: number, payload: Payload): Judged | Refusal {
  const kind = batch.kindOf(payload);
  if (isRefusal(kind)) return kind;
  const record = kind.read(payload, { ...batch.context, index });
  if (isFault(record)) return salvageRecord(batch, index, record);
  if (batch.namedSite !== null) return { index, payload, kind, record, site: batch.namedSite };
  const target = kind.targetOf(record, payload);
  if (isFault(target)) return refuseFault(target);
  const site =
    'siteId' in target
      ? admitSite(kind.rolesOf(batch.grant), target.siteId)
      : admitDomain(deps.grants, batch.grant, target.domain, kind.rolesOf(batch.grant));
  return { index, payload, kind, record, site };
}

function salvageRecord(batch: Batch, index: number, fault: Fault): Judged | Refusal {
  const saved = batch.salvage?.(index, fault);
  if (saved === undefined || batch.namedSite === null) return refuseFault(fault);
  const record = saved.kind.read(saved.payload, { ...batch.context, index });
  if (isFault(record)) return refuseFault(fault);
  return { index, payload: saved.payload, kind: saved.kind, record, site: batch.namedSite };
}

interface Kept {
  readonly accepted: number;
  readonly dropped: number;
  readonly duplicate: number | null;
  readonly durability: BatchOutcome['durability'];
  /** Records that were appended, and are not safe. */
  readonly late: readonly { readonly one: Judged; readonly refusal: Refusal }[];
}

function createKeeper(batch: Batch, deps: BatchDeps) {
  const { journal, ledger, writer, ids, acknowledge, countEarlier } = deps;
  const appended: Judged[] = [];
  const identities = new Map<string, RowIdentity>();
  let repeated = 0;
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
    if (writer.length > deps.entryBytesMax) return ENTRY_TOO_LARGE;
    if (!batch.isValidatedOnly) {
      const append = journal.append(writer.buffer, 0, writer.length);
      if (append.kind === 'refused') return deps.refuseAppend(append.reason);
      last = append;
      ledger.append(batch.grant.clientId);
    }
    appended.push(one);
    noteIdentity(one, siteId);
    return null;
  }

  function noteIdentity({ kind, record }: Judged, siteId: string): void {
    if (record.id === null) return;
    const key = `${kind.table} ${siteId} ${record.timestampUs} ${record.id}`;
    if (identities.has(key)) repeated++;
    identities.set(key, { table: kind.table, siteId, timestampUs: record.timestampUs, id: record.id });
  }

  async function finish(): Promise<Kept> {
    const nothing = { accepted: 0, dropped, duplicate: null, durability: null, late: [] } as const;
    if (batch.isValidatedOnly) return { ...nothing, accepted: appended.length };
    if (last === null) return nothing;
    const verdict = await acknowledge(batch.request.headers.prefer, last);
    if (verdict.kind === 'refused')
      return { ...nothing, late: appended.map((one) => ({ one, refusal: verdict })) };
    const durability = verdict.kind === 'accepted' ? verdict.durability : null;
    const earlier =
      durability === 'postgres' ? await countEarlier([...identities.values()], batch.context.nowMs) : null;
    const duplicate = earlier === null ? null : earlier + repeated;
    return { accepted: appended.length, dropped, duplicate, durability, late: [] };
  }

  return { keep, finish };
}

function readOwnId(element: Payload | Fault): string | null {
  if (isFault(element)) return null;
  const { id } = element.fields;
  return typeof id === 'string' && id.length <= 64 ? id : null;
}
