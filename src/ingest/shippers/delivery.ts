/**
 * The story of a delivered log: its lines are classified, what becomes a record goes the way of a batch, and what cannot
 * be read is kept with the reason, since nobody would send it again. Skipped lines are counted by reason.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { LogLine } from '../../formats/log-row.ts';
import { problems } from '../../http/problem.ts';
import type { Payload } from '../../records/payload.ts';
import { takeBatch, type Batch, type BatchDeps } from '../batch/batch.ts';
import type { MixedKind } from '../batch/mixed.ts';
import { describeErrors, type BatchOutcome } from '../batch/outcome.ts';
import type { Refusal } from '../verdict.ts';
import { classifyLine, keepUnread, type LogOptions, type Skip } from './classify.ts';

export interface Delivery extends Pick<Batch, 'grant' | 'request' | 'context' | 'isValidatedOnly'> {
  readonly siteId: string;
  readonly format: string;
  readonly lines: Iterable<LogLine>;
  readonly options: LogOptions;
}

export interface Delivered {
  readonly outcome: BatchOutcome;
  readonly linesRead: number;
  /** By kind; lines that were not read are `unread_line`. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly skipped: Readonly<Partial<Record<Skip, number>>>;
}

/** Others get their turn after so many lines. */
const TURN_LINES = 500;

export async function takeDelivery(delivery: Delivery, deps: BatchDeps): Promise<Delivered> {
  const { format, options } = delivery;
  const payloads: Payload[] = [];
  const texts: string[] = [];
  const kindOf = new Map<Payload, MixedKind>();
  const kinds: Record<string, number> = {};
  const skipped: Partial<Record<Skip, number>> = {};
  let linesRead = 0;
  for (const line of delivery.lines) {
    if (++linesRead % TURN_LINES === 0) await yieldToOthers();
    const classified = classifyLine(line, format, options);
    if (typeof classified === 'string') {
      skipped[classified] = (skipped[classified] ?? 0) + 1;
      continue;
    }
    payloads.push(classified.payload);
    texts.push(line.text);
    kindOf.set(classified.payload, classified.kind);
    count(kinds, classified.kind, 1);
  }
  const outcome = await takeBatch(
    {
      ...delivery,
      elements: payloads,
      namedSite: delivery.siteId,
      kindOf: (payload) => kindOf.get(payload) ?? keepUnread('', format, '').kind,
      salvage(index, fault) {
        const payload = payloads[index];
        const was = payload === undefined ? undefined : kindOf.get(payload);
        const saved = keepUnread(texts[index] ?? '', format, `${fault.field ?? 'line'}: ${fault.detail}`);
        if (was !== undefined) count(kinds, was, -1);
        count(kinds, saved.kind, 1);
        return saved;
      },
    },
    deps,
  );
  const left = Object.values(skipped).reduce((sum, lines) => sum + lines, 0);
  if (left > 0 && !delivery.isValidatedOnly) deps.ledger.skip(delivery.grant.clientId, left);
  return { outcome, linesRead, kinds, skipped };
}

function count(kinds: Record<string, number>, kind: MixedKind, by: number): void {
  kinds[kind.name] = (kinds[kind.name] ?? 0) + by;
}

/** The first fault of the gateway's own, for which the whole delivery is asked for again. */
export function findFailure(outcome: BatchOutcome): Refusal | null {
  return outcome.errors.find(({ refusal }) => problems[refusal.code].status.startsWith('5'))?.refusal ?? null;
}

/** For a person or a script that delivers files. */
export function describeDelivery(delivered: Delivered): object {
  const { outcome, kinds, skipped, linesRead } = delivered;
  const quarantined = kinds['unread_line'] ?? 0;
  return {
    received: linesRead,
    accepted: Math.max(0, outcome.accepted - quarantined),
    ai_fetches: kinds['ai_fetch'] ?? 0,
    pageviews: kinds['pageview'] ?? 0,
    duplicate: outcome.duplicate,
    quarantined,
    skipped,
    rejected: outcome.errors.length,
    durability: outcome.durability,
    ...(outcome.isValidatedOnly ? { validate_only: true } : {}),
    ...describeErrors(outcome.errors),
  };
}
