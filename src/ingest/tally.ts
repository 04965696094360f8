/**
 * Counts verdicts, one for every record: received = accepted + dropped + the sum of refused; and how long requests
 * waited for a good answer, in steps of a quarter of a power of two: a quantile read from them is at most 19 % too high.
 */
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
  /** Requests answered with 202, by how long that took: `waitBoundMs(index)` at most. */
  readonly waits: readonly number[];
}

const WAIT_STEPS = 80;
const STEPS_PER_POWER = 4;
const WAIT_MS_MIN = 0.05;

/** The last step has no bound: it is for all that took longer than the one before, 44 s. */
export function waitBoundMs(index: number): number {
  return WAIT_MS_MIN * 2 ** (index / STEPS_PER_POWER);
}

export interface Tally {
  count(kind: string, verdict: Verdict): void;
  countBatch(kind: string, outcome: BatchOutcome): void;
  /** From the whole request to its 202. */
  countWait(ms: number): void;
  stats(): IngestStats;
}

export function createTally(): Tally {
  let accepted = 0;
  let dropped = 0;
  let refusedSum = 0;
  const refused = new Map<string, number>();
  const kinds = new Map<string, number>();
  const waits = Array.from({ length: WAIT_STEPS }, () => 0);

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
    countWait(ms) {
      const step = Math.ceil(Math.log2(ms / WAIT_MS_MIN) * STEPS_PER_POWER);
      const index = Math.min(Math.max(step, 0), WAIT_STEPS - 1);
      waits[index] = (waits[index] ?? 0) + 1;
    },
    stats: () => ({
      received: accepted + dropped + refusedSum,
      accepted,
      dropped,
      refused: Object.fromEntries(refused),
      kinds: Object.fromEntries(kinds),
      waits: [...waits],
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
