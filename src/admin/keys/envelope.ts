/** The form of every answer under /v1, errors included: {code, message, requestId, data}. */
import { problems } from '../../http/problem.ts';
import type { Reply } from '../../http/request.ts';
import { isRefusal, type Refusal } from '../refusal.ts';
import { replyJson } from '../reply.ts';
import type { Outcome } from '../route.ts';

/** Puts an outcome, whose body is the data, into the envelope. */
export function envelop(outcome: Outcome, requestId: string): Reply {
  if (isRefusal(outcome)) return envelopRefusal(outcome, requestId);
  const body = {
    code: codeOf(outcome.status),
    message: 'OK',
    requestId,
    data: JSON.parse(outcome.body.toString()),
  };
  return { ...outcome, body: `${JSON.stringify(body)}\n` };
}

function envelopRefusal(refusal: Refusal, requestId: string): Reply {
  const { status, retryAfterSeconds } = problems[refusal.code];
  const wait = refusal.retryAfterSeconds ?? retryAfterSeconds;
  const body = { code: codeOf(status), message: refusal.detail, requestId, data: null };
  return replyJson(body, {
    status,
    headers: [
      ...(wait === null ? [] : [['Retry-After', String(wait)] as const]),
      ...(refusal.code === 'unauthorized'
        ? [['WWW-Authenticate', 'Bearer error="invalid_token"'] as const]
        : []),
    ],
  });
}

function codeOf(status: string): number {
  return Number(status.slice(0, 3));
}
