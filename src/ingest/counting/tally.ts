/**
 * Counts verdicts, one for every record: received = accepted + dropped + the sum of refused; and how long requests
 * waited for a good answer.
 */
import { createDurations, type DurationStats } from '../../measure/durations.ts';
import type { BatchOutcome } from '../batch/outcome.ts';
import type { Verdict } from '../verdict.ts';

export interface IngestStats {
  readonly received: number;
  readonly accepted: number;
  readonly dropped: number;
  /** By code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Accepted, by kind of record. */
  readonly kinds: Readonly<Record<string, number>>;
  /** All verdicts, by kind of record, or of what they came in. */
  readonly verdicts: Readonly<Record<string, VerdictCounts>>;
  /** Requests answered with 202, by how long that took. */
  readonly waits: DurationStats;
}

export interface VerdictCounts {
  readonly accepted: number;
  readonly dropped: number;
  readonly refused: number;
}

export interface Tally {
  count(kind: string, verdict: Verdict): void;
  countBatch(kind: string, outcome: BatchOutcome): void;
  /** From the whole request to its 202. */
  countWait(ms: number): void;
  stats(): IngestStats;
}

export function createTally(): Tally {
  const verdicts = new Map<string, Counted>();
  const refused = new Map<string, number>();
  const waits = createDurations();

  function of(kind: string): Counted {
    const known = verdicts.get(kind);
    if (known !== undefined) return known;
    const counted = { accepted: 0, dropped: 0, refused: 0 };
    verdicts.set(kind, counted);
    return counted;
  }

  function countRefused(counted: Counted, code: string): void {
    counted.refused++;
    refused.set(code, (refused.get(code) ?? 0) + 1);
  }

  function stats(): IngestStats {
    const sums = { accepted: 0, dropped: 0, refused: 0 };
    for (const counted of verdicts.values()) {
      sums.accepted += counted.accepted;
      sums.dropped += counted.dropped;
      sums.refused += counted.refused;
    }
    const kinds = [...verdicts].filter(([, counted]) => counted.accepted > 0);
    return {
      received: sums.accepted + sums.dropped + sums.refused,
      accepted: sums.accepted,
      dropped: sums.dropped,
      refused: Object.fromEntries(refused),
      kinds: Object.fromEntries(kinds.map(([kind, counted]) => [kind, counted.accepted])),
      verdicts: Object.fromEntries([...verdicts].map(([kind, counted]) => [kind, { ...counted }])),
      waits: waits.stats(),
    };
  }

  return {
    countBatch(kind, outcome) {
      // What was only validated was neither accepted nor refused.
      if (outcome.isValidatedOnly) return;
      const counted = of(kind);
      counted.accepted += outcome.accepted;
      counted.dropped += outcome.dropped;
      for (const { refusal } of outcome.errors) countRefused(counted, refusal.code);
    },
    count(kind, verdict) {
      const counted = of(kind);
      switch (verdict.kind) {
        case 'accepted':
          counted.accepted++;
          return;
        case 'dropped':
          counted.dropped++;
          return;
        case 'refused':
          countRefused(counted, verdict.code);
      }
    },
    countWait: (ms) => waits.count(ms),
    stats,
  };
}

type Counted = { -readonly [K in keyof VerdictCounts]: number };
