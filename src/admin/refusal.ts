/** An expected 'no' of the administration, as a value. */
import { createProblem, type ProblemCode } from '../http/problem.ts';
import type { Reply } from '../http/request.ts';

export interface Refusal {
  readonly kind: 'refused';
  readonly code: ProblemCode;
  readonly detail: string;
  readonly field: string | null;
  readonly retryAfterSeconds: number | null;
}

export function refuse(code: ProblemCode, detail: string, field: string | null = null): Refusal {
  return { kind: 'refused', code, detail, field, retryAfterSeconds: null };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'refused';
}

export function replyRefusal(refusal: Refusal): Reply {
  const { detail, field, retryAfterSeconds } = refusal;
  const reply = createProblem(refusal.code, { detail, field });
  if (retryAfterSeconds === null) return reply;
  const headers = reply.headers.filter(([name]) => name !== 'Retry-After');
  return { ...reply, headers: [...headers, ['Retry-After', String(retryAfterSeconds)]] };
}

/** The same 'no' for what is not there and for what is somebody else's: existence is not told. */
export function notFound(what: string): Refusal {
  return refuse('target_not_found', `${what} not found`);
}

export const ACCESS_DENIED = refuse('access_denied', 'Access denied');
