/**
 * The story of one record: read, its site, may it, into the journal, verdict. Nothing is awaited but its durability where
 * its site is in memory.
 */
import type { Grant } from '../../grants/grant.ts';
import type { Grants } from '../../grants/resolve.ts';
import type { Request } from '../../http/request.ts';
import type { Journal } from '../../journal/journal.ts';
import type { RowWriter } from '../../records/entry.ts';
import type { IdSource } from '../../records/identity.ts';
import { isFault, type Payload } from '../../records/payload.ts';
import type { ReadContext } from '../../records/visit.ts';
import type { Acknowledge } from '../acknowledgement.ts';
import { admitDomain, checkGrantAgain } from '../admission.ts';
import { after } from '../after.ts';
import type { RecordLedger } from '../counting/count.ts';
import { ENTRY_TOO_LARGE, isRefusal, refuseFault, type Verdict } from '../verdict.ts';
import type { Droppable, Kind } from './kinds.ts';

export interface SingleDeps {
  readonly grants: Grants;
  readonly journal: Journal;
  readonly ledger: Pick<RecordLedger, 'append'>;
  readonly acknowledge: Acknowledge;
  readonly writer: RowWriter;
  readonly ids: IdSource;
  readonly entryBytesMax: number;
}

/** Who sends, and with which request. */
export interface Sent {
  readonly grant: Grant;
  readonly request: Request;
  readonly context: ReadContext;
}

/** `early`: the record's site, when the path named it; null: the record leads to it. */
export type TakeSingle = <R extends Droppable>(
  kind: Kind<R>,
  payload: Payload,
  early: string | null,
  sent: Sent,
) => Verdict | Promise<Verdict>;

export function createSingle(deps: SingleDeps): TakeSingle {
  const { grants, journal, ledger, acknowledge, writer, ids, entryBytesMax } = deps;

  function keep<R extends Droppable>(
    kind: Kind<R>,
    record: R,
    siteId: string,
    { grant, request, context }: Sent,
  ): Verdict | Promise<Verdict> {
    const late = kind.checkLate(record);
    if (late !== null) return refuseFault(late);
    const ended = checkGrantAgain(grant);
    if (ended !== null) return ended;
    if (record.isDropped) return { kind: 'dropped', reason: 'dnt' };
    kind.encode(writer, record, { siteId, clientId: grant.clientId, nowMs: context.nowMs, ids });
    if (writer.length() > entryBytesMax) return ENTRY_TOO_LARGE;
    const receipt = journal.append(writer.buffer(), 0, writer.length());
    if (receipt.kind === 'appended') ledger.append(grant.clientId);
    return acknowledge(request.headers.prefer, receipt);
  }

  return (kind, payload, early, sent) => {
    const record = kind.read(payload, sent.context);
    if (isFault(record)) return refuseFault(record);
    const reached = early ?? admitDomain(grants, sent.grant, kind.domainOf(record));
    return after(reached, (siteId) => (isRefusal(siteId) ? siteId : keep(kind, record, siteId, sent)));
  };
}
