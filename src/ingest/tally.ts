/** Counts verdicts, one for every record: received = accepted + dropped + the sum of refused. */
import type { BatchOutcome } from './batch/outcome.ts';
import type { Verdict } from './verdict.ts';

export interface IngestStats {
  readonly received: number;
  readonly accepted: number;
  readonly dropped: number;
  /** By code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Accepted, by kind of record. */
  readonly kinds: Readonly<Record<string, number>>;
}

export interface Tally {
  count(kind: string, verdict: Verdict): void;
  countBatch(kind: string, outcome: BatchOutcome): void;
  stats(): IngestStats;
}

export function createTally(): Tally {
  let accepted = 0;
  let dropped = 0;
  let refusedSum = 0;
  const refused = new Map<string, number>();
  const kinds = new Map<string, number>();

  function countRefused(code: string): void {
    refusedSum++;
    refused.set(code, (refused.get(code) ?? 0) + 1);
  }

  return {
    countBatch(kind, outcome) {
      // What was only validated was neither accepted nor refused.
      if (outcome.isValidatedOnly) return;
      accepted += outcome.accepted;
      dropped += outcome.dropped;
      if (outcome.accepted > 0) kinds.set(kind, (kinds.get(kind) ?? 0) + outcome.accepted);
      for (const { refusal } of outcome.errors) countRefused(refusal.code);
    },
    count(kind, verdict) {
      switch (verdict.kind) {
        case 'accepted':
          accepted++;
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
          return;
        case 'dropped':
          dropped++;
          return;
        case 'refused':
          countRefused(verdict.code);
      }
    },
    stats: () => ({
      received: accepted + dropped + refusedSum,
      accepted,
      dropped,
      refused: Object.fromEntries(refused),
      kinds: Object.fromEntries(kinds),
    }),
  };
}

/** What the client's account is told of here; the rest it hears from the drain. */
export interface RecordLedger {
  append(clientId: string): void;
  refuse(clientId: string, records: number): void;
  skip(clientId: string, records: number): void;
}

/** What is in the journal was accounted for when it went there. */
export function account(ledger: RecordLedger, clientId: string, verdict: Verdict): void {
  if (verdict.kind === 'dropped') ledger.skip(clientId, 1);
  else if (verdict.kind === 'refused' && verdict.isAppended !== true) ledger.refuse(clientId, 1);
}

export function accountBatch(ledger: RecordLedger, clientId: string, outcome: BatchOutcome): void {
  if (outcome.isValidatedOnly) return;
  const refused = outcome.errors.filter(({ refusal }) => refusal.isAppended !== true).length;
  if (refused > 0) ledger.refuse(clientId, refused);
  if (outcome.dropped > 0) ledger.skip(clientId, outcome.dropped);
}
