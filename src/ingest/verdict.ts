/**
 * What became of one record. There is no default: `accepted` is built from a journal receipt alone, and every
 * other end of the story is named.
 */
import { createProblem, type ProblemCode } from '../http/problem.ts';
import type { Reply } from '../http/request.ts';
import type { Fault } from '../records/payload.ts';

export type Durability = 'journal' | 'postgres';

export type Verdict = Accepted | Dropped | Refusal;

export interface Accepted {
  readonly kind: 'accepted';
  readonly durability: Durability;
  /** True when the sender asked for a level: only then the reply names the one applied. */
  readonly isNamed: boolean;
}

/** Taken and not kept, because the sender's record says so (do not track). */
export interface Dropped {
  readonly kind: 'dropped';
  readonly reason: 'dnt';
}

export interface Refusal {
  readonly kind: 'refused';
  readonly code: ProblemCode;
  readonly detail: string;
  readonly field: string | null;
  /** Its record is in the journal, and may be kept all the same. */
  readonly isAppended?: true;
  /** Where it is known better than by the code. */
  readonly retryAfterSeconds?: number;
  readonly headers?: readonly (readonly [string, string])[];
}

export function refuse(code: ProblemCode, detail: string, field: string | null = null): Refusal {
  return { kind: 'refused', code, detail, field };
}

export const ENTRY_TOO_LARGE = refuse('body_too_large', 'The record is larger than a single one may be.');

export function refuseFault(fault: Fault): Refusal {
  return { kind: 'refused', code: fault.code, detail: fault.detail, field: fault.field };
}

export function isRefusal(value: object | string): value is Refusal {
  return typeof value === 'object' && 'kind' in value && value.kind === 'refused';
}

const ACCEPTED: Reply = { status: '202 Accepted', headers: [], body: '' };
const ACCEPTED_NAMED: Readonly<Record<Durability, Reply>> = {
  journal: { ...ACCEPTED, headers: [['Preference-Applied', 'durability=journal']] },
  postgres: { ...ACCEPTED, headers: [['Preference-Applied', 'durability=postgres']] },
};
/** RFC 6750: says which scheme is wanted, and nothing about why this token is not good. */
const CHALLENGE = [['WWW-Authenticate', 'Bearer error="invalid_token"']] as const;

export function replyTo(verdict: Verdict): Reply {
  switch (verdict.kind) {
    case 'accepted':
      return verdict.isNamed ? ACCEPTED_NAMED[verdict.durability] : ACCEPTED;
    case 'dropped':
      return ACCEPTED;
    case 'refused':
      return createProblem(verdict.code, {
        detail: verdict.detail,
        field: verdict.field,
        retryAfterSeconds: verdict.retryAfterSeconds,
        headers: verdict.code === 'unauthorized' ? CHALLENGE : verdict.headers,
      });
  }
}
