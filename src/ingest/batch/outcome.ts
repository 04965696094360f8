/** What became of a batch: counts, and the faults of records by their place. Every record ends in one of the counts. */
import { createProblem, problems } from '../../http/problem.ts';
import type { Reply } from '../../http/request.ts';
import type { Durability, Refusal } from '../verdict.ts';

export interface RecordError {
  readonly index: number;
  /** The record's own id, when it is a text. */
  readonly id: string | null;
  readonly refusal: Refusal;
}

export interface BatchOutcome {
  readonly received: number;
  readonly accepted: number;
  /** Taken and not kept, because the record says so (do not track). */
  readonly dropped: number;
  /** Of the accepted: rows that were there already. Null: not known at this durability. */
  readonly duplicate: number | null;
  readonly errors: readonly RecordError[];
  /** Null when nothing was written. */
  readonly durability: Durability | null;
  readonly isValidatedOnly: boolean;
}

const ERRORS_SHOWN_MAX = 100;

/** 202 when something was taken, or nothing was sent; else the status of what went wrong. */
export function replyBatch(outcome: BatchOutcome): Reply {
  const summary = describe(outcome);
  const isTaken = outcome.accepted + outcome.dropped > 0 || outcome.received === 0;
  if (isTaken) {
    const status = outcome.isValidatedOnly ? '200 OK' : '202 Accepted';
    const applied =
      outcome.durability === null
        ? []
        : [['Preference-Applied', `durability=${outcome.durability}`] as const];
    return {
      status,
      headers: [['Content-Type', 'application/json'], ...applied],
      body: `${JSON.stringify(summary)}\n`,
    };
  }
  // When the gateway is why, sending the same again may help: that is not the records' fault.
  const ours = findFailure(outcome);
  return createProblem(ours?.code ?? 'batch_rejected', {
    detail: ours?.detail ?? 'No record of the batch was accepted; errors says why.',
    more: summary,
  });
}

/** The first fault of the gateway's own. */
export function findFailure({ errors }: BatchOutcome): Refusal | null {
  return errors.find(isOurs)?.refusal ?? null;
}

/** Of one body, taken in two parts. `other` was taken later: what is stored of it is stored behind the first. */
export function joinOutcomes(one: BatchOutcome, other: BatchOutcome): BatchOutcome {
  const later = other.errors.map((error) => ({ ...error, index: error.index + one.received }));
  return {
    received: one.received + other.received,
    accepted: one.accepted + other.accepted,
    dropped: one.dropped + other.dropped,
    duplicate: one.duplicate === null || other.duplicate === null ? null : one.duplicate + other.duplicate,
    errors: [...one.errors, ...later],
    durability: other.durability ?? one.durability,
    isValidatedOnly: other.isValidatedOnly,
  };
}

/** Whether the gateway is the reason, and not the record. */
function isOurs({ refusal }: RecordError): boolean {
  return problems[refusal.code].status.startsWith('5');
}

function describe(outcome: BatchOutcome): object {
  const { received, accepted, dropped, duplicate, durability, errors } = outcome;
  return {
    received,
    accepted,
    dropped,
    duplicate,
    rejected: errors.length,
    durability,
    ...(outcome.isValidatedOnly ? { validate_only: true } : {}),
    ...describeErrors(errors),
  };
}

/** The first of them, those that sending again may mend before all others, and how many more there are. */
export function describeErrors(errors: readonly RecordError[]): object {
  const [again, forGood] = [errors.filter(isOurs), errors.filter((error) => !isOurs(error))];
  const shown = [...again, ...forGood].slice(0, ERRORS_SHOWN_MAX).map((error) => {
    const { index, id, refusal } = error;
    return {
      index,
      id,
      code: refusal.code,
      field: refusal.field,
      detail: refusal.detail,
      ...(isOurs(error) ? { retry: true } : {}),
    };
  });
  return { errors: shown, errors_omitted: errors.length - shown.length };
}
