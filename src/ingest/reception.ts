/** What every request meets on its way in, be it a record's or a log's: its head is judged, and its share is charged. */
import type { CountryOf } from './enrich/country.ts';
import type { Grant } from '../grants/grant.ts';
import type { Request, RequestHeaders } from '../http/request.ts';
import type { Journal } from '../journal/journal.ts';
import type { IsVerified } from '../crawlers/ranges.ts';
import type { TimePolicy } from '../records/time.ts';
import type { ReadContext } from '../records/visit.ts';
import type { RefuseAppend } from './acknowledgement.ts';
import { admitToken, type Doorkeepers } from './admission.ts';
import { after } from './after.ts';
import type { Count } from './counting/count.ts';
import { isRefusal, type Refusal } from './verdict.ts';

export interface Reception {
  /**
   * A large body is not read for a token that is none, nor when there is no room for what is in it. Null: let it in.
   * `headers`: the request's own, or those that its vendor's form amounts to. What is refused is counted.
   */
  readonly judgeHead: (
    name: string,
    request: Request,
    headers: RequestHeaders,
  ) => Refusal | null | Promise<Refusal | null>;
  /** The records in it are charged when they are known. */
  readonly chargeRequest: (grant: Grant, request: Request) => void;
  /** What its records are read by. */
  readonly contextOf: (grant: Grant, request: Request) => ReadContext;
}

export interface ReceptionDeps extends Doorkeepers {
  readonly journal: Journal;
  readonly countryOf: CountryOf;
  readonly isVerified: IsVerified;
  readonly refuseAppend: RefuseAppend;
  readonly count: Count;
}

export function createReception(
  { timePolicy }: { readonly timePolicy: TimePolicy },
  deps: ReceptionDeps,
): Reception {
  const { limiter, journal, countryOf, isVerified, refuseAppend, count } = deps;
  return {
    judgeHead(name, request, headers) {
      const judge = (admitted: Grant | Refusal): Refusal | null => {
        if (!isRefusal(admitted)) return null;
        count(name, null, request, admitted);
        return admitted;
      };
      const reason = journal.refusal();
      if (reason !== null) return judge(refuseAppend(reason));
      return after(admitToken(deps, request, headers), judge);
    },
    chargeRequest(grant, request) {
      limiter.charge(grant, 'requests', 1);
      limiter.charge(grant, 'bytes', request.body?.length ?? 0);
    },
    contextOf: (grant, request) => ({
      index: 0,
      nowMs: Date.now(),
      timePolicy,
      countryOf,
      isVerified,
      clientId: grant.clientId,
      idempotencyKey: request.headers.idempotencyKey,
    }),
  };
}
