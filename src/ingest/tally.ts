/** Counts verdicts. For every request one: received = accepted + dropped + the sum of refused. */
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
  stats(): IngestStats;
}

export function createTally(): Tally {
  let accepted = 0;
  let dropped = 0;
  let refusedSum = 0;
  const refused = new Map<string, number>();
  const kinds = new Map<string, number>();

  return {
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
          refusedSum++;
          refused.set(verdict.code, (refused.get(verdict.code) ?? 0) + 1);
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
