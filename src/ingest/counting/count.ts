/**
 * What a request came to, counted three times: for everybody in the tally, for its client by the hour, and, of what did
 * not go into the journal, in the client's account. A request whose token is none has no client.
 */
import type { Grant } from '../../grants/grant.ts';
import type { Request } from '../../http/request.ts';
import type { BatchOutcome } from '../batch/outcome.ts';
import type { Verdict } from '../verdict.ts';
import type { Tally } from './tally.ts';
import type { Usage } from './usage.ts';

/** `name`: the kind of record, or what records came in. */
export type Count = (
  name: string,
  grant: Grant | null,
  request: Request,
  outcome: Verdict | BatchOutcome,
) => void;

export interface CountDeps {
  readonly tally: Tally;
  readonly usage: Pick<Usage, 'count' | 'countBatch'>;
  readonly ledger: RecordLedger;
}

/** What the client's account is told of here; the rest it hears from the drain. */
export interface RecordLedger {
  append(clientId: string): void;
  refuse(clientId: string, records: number): void;
  skip(clientId: string, records: number): void;
}

export function createCount({ tally, usage, ledger }: CountDeps): Count {
  return (name, grant, request, outcome) => {
    if ('received' in outcome) {
      tally.countBatch(name, outcome);
      if (grant === null) return;
      usage.countBatch(grant, request, outcome);
      accountBatch(ledger, grant.clientId, outcome);
      return;
    }
    tally.count(name, outcome);
    if (grant === null) return;
    usage.count(grant, request, outcome);
    account(ledger, grant.clientId, outcome);
  };
}

/** What is in the journal was accounted for when it went there. */
function account(ledger: RecordLedger, clientId: string, verdict: Verdict): void {
  if (verdict.kind === 'dropped') ledger.skip(clientId, 1);
  else if (verdict.kind === 'refused' && verdict.isAppended !== true) ledger.refuse(clientId, 1);
}

function accountBatch(ledger: RecordLedger, clientId: string, outcome: BatchOutcome): void {
  if (outcome.isValidatedOnly) return;
  const refused = outcome.errors.filter(({ refusal }) => refusal.isAppended !== true).length;
  if (refused > 0) ledger.refuse(clientId, refused);
  if (outcome.dropped > 0) ledger.skip(clientId, outcome.dropped);
}
