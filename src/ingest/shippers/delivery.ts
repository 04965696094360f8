/**
 * The story of a delivered log: its lines are classified, what becomes a record goes the way of a batch, and what cannot
 * be read is kept with the reason, since nobody would send it again. Skipped lines are counted by reason.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { LogLine } from '../../formats/log-row.ts';
import type { Fault, Payload } from '../../records/payload.ts';
import { takeBatch, type Batch, type BatchDeps } from '../batch/batch.ts';
import type { MixedKind } from '../batch/mixed.ts';
import { describeErrors, findFailure, joinOutcomes, type BatchOutcome } from '../batch/outcome.ts';
import { classifyLine, keepUnread, type Classified, type LogOptions, type Skip } from './classify.ts';

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

/** What a line that is kept takes beside its text, more or less. */
const KEPT_LINE_BYTES = 1024;
/** Others get their turn after so much. */
const TURN_BYTES = 512 * 1024;
/** So much of a log is in the making at once, however many lines it has: some 10,000 lines that are kept. */
const SLICE_BYTES = 16 * 1024 * 1024;

/**
 * Takes the log in slices, each safe in the journal before the next is read, and the last as safe as the request wants
 * it: then so are those before it. Ends with the first slice that the gateway cannot keep.
 */
export async function takeDelivery(delivery: Delivery, deps: BatchDeps): Promise<Delivered> {
  const early = preferJournal(delivery);
  const taken: Delivered[] = [];
  let slice = createSlice(delivery);
  let turnBytes = 0;
  for (const line of delivery.lines) {
    if (slice.bytes() >= SLICE_BYTES) {
      const safe = await slice.take(early, deps);
      taken.push(safe);
      slice = createSlice(delivery);
      if (findFailure(safe.outcome) !== null) break;
    }
    turnBytes += slice.add(line);
    if (turnBytes < TURN_BYTES) continue;
    turnBytes = 0;
    await yieldToOthers();
  }
  taken.push(await slice.take(delivery, deps));
  const all = taken.reduce(join);
  const left = Object.values(all.skipped).reduce((sum, lines) => sum + lines, 0);
  if (left > 0 && !delivery.isValidatedOnly) deps.ledger.skip(delivery.grant.clientId, left);
  return all;
}

function preferJournal(delivery: Delivery): Delivery {
  const { request } = delivery;
  const headers = { ...request.headers, prefer: 'durability=journal' };
  return { ...delivery, request: { ...request, headers } };
}

interface Slice {
  bytes(): number;
  /** Returns what the line takes. */
  add(line: LogLine): number;
  take(delivery: Delivery, deps: BatchDeps): Promise<Delivered>;
}

function createSlice({ format, options, siteId }: Delivery): Slice {
  const payloads: Payload[] = [];
  const texts: string[] = [];
  const kindOf = new Map<Payload, MixedKind>();
  const kinds: Record<string, number> = {};
  const skipped: Partial<Record<Skip, number>> = {};
  let linesRead = 0;
  let bytes = 0;

  function salvage(index: number, fault: Fault): Classified {
    const payload = payloads[index];
    const was = payload === undefined ? undefined : kindOf.get(payload);
    const saved = keepUnread(texts[index] ?? '', format, `${fault.field ?? 'line'}: ${fault.detail}`);
    if (was !== undefined) count(kinds, was.name, -1);
    count(kinds, saved.kind.name, 1);
    return saved;
  }

  return {
    bytes: () => bytes,
    add(line) {
      linesRead++;
      // A part of a text keeps the whole of it in memory: lines that are skipped count as well.
      const lineBytes = line.text.length + KEPT_LINE_BYTES;
      const classified = classifyLine(line, format, options);
      if (typeof classified === 'string') {
        count(skipped, classified, 1);
        bytes += line.text.length;
        return lineBytes;
      }
      payloads.push(classified.payload);
      texts.push(line.text);
      kindOf.set(classified.payload, classified.kind);
      count(kinds, classified.kind.name, 1);
      bytes += lineBytes;
      return lineBytes;
    },
    async take(delivery, deps) {
      const outcome = await takeBatch(
        {
          ...delivery,
          elements: payloads,
          namedSite: siteId,
          kindOf: (payload) => kindOf.get(payload) ?? keepUnread('', format, '').kind,
          salvage,
        },
        deps,
      );
      return { outcome, linesRead, kinds, skipped };
    },
  };
}

function join(one: Delivered, other: Delivered): Delivered {
  const kinds = { ...one.kinds };
  const skipped = { ...one.skipped };
  for (const [kind, lines] of Object.entries(other.kinds)) count(kinds, kind, lines);
  for (const [skip, lines] of Object.entries(other.skipped)) count(skipped, skip, lines);
  const linesRead = one.linesRead + other.linesRead;
  return { outcome: joinOutcomes(one.outcome, other.outcome), linesRead, kinds, skipped };
}

function count(counts: Record<string, number>, name: string, by: number): void {
  counts[name] = (counts[name] ?? 0) + by;
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
