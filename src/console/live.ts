/**
 * GET /api/console/live: what this gateway does, all of its processes together, a sample every second, as server-sent
 * events; first those of the last 15 minutes. For those who may see gateways.
 *
 * Bounds: 900 samples are kept, 32 listeners at once. A listener that does not read gets nothing more until it has, and
 * then what it missed. A stream ends after 30 s: the browser opens the next by itself, where the session is checked
 * anew and Last-Event-ID says what it has; so whoever is signed out or loses the role sees no more after that.
 */
import { z } from 'zod';
import { isInstanceAllowed } from '../admin/actor.ts';
import { readQuery } from '../admin/body.ts';
import { ACCESS_DENIED, isRefusal, refuse } from '../admin/refusal.ts';
import type { Outcome, RouteMaker, UserCall } from '../admin/route.ts';
import type { Route, Stream } from '../http/request.ts';
import type { Told } from '../supervisor/message.ts';
import { addCounts, compareCounts, type Counts } from './sample.ts';

export interface Live {
  readonly route: Route;
  stats(): { readonly samples: number; readonly listeners: number };
  close(): void;
}

export interface LiveDeps {
  readonly make: RouteMaker;
  /** Of every process of the gateway. */
  readonly readAll: () => Promise<readonly Told<Counts>[]>;
  readonly waitBoundMs: (index: number) => number;
}

const INTERVAL_MS = 1000;
const SAMPLES_MAX = 900;
const LISTENERS_MAX = 32;
const STREAM_MS_MAX = 30_000;
const RECONNECT_MS = 500;
const FULL = refuse('too_many_requests', `There are ${LISTENERS_MAX} listeners already. Close one.`);
const HEADERS = [
  ['Content-Type', 'text/event-stream'],
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
  // Nginx would keep it until there is enough of it.
  ['X-Accel-Buffering', 'no'],
] as const;
export const query = z.strictObject({
  /** Samples after this one. */
  after: z.coerce.number().int().min(0).optional(),
  /** '0': what there is, and no more. */
  follow: z.enum(['0', '1']).default('1'),
});

interface Listener {
  readonly stream: Stream;
  readonly endsAtMs: number;
  sentTo: number;
}

/** `gatewayName`: which of several it is. */
export function startLive(gatewayName: string, deps: LiveDeps): Live {
  const samples: { readonly at: number; readonly text: string }[] = [];
  const listeners = new Set<Listener>();
  let before: ReadonlyMap<number, Counts> = new Map();
  let beforeMs = performance.now();
  let taking: Promise<void> | null = look().then(() => void (taking = null));

  /** Of each process that answers: what it counts now, and what it did at the last look. */
  async function look(): Promise<{ readonly now: Counts; readonly earlier: Counts }> {
    const told = await deps.readAll();
    const here = told.filter(({ isLate }) => !isLate);
    const now = addCounts(here.map(({ value }) => value));
    // Of one that was started meanwhile, all is new; one that is gone leaves no hole.
    const earlier = addCounts(here.flatMap(({ run }) => before.get(run) ?? []));
    before = new Map(told.map(({ run, value }) => [run, value]));
    return { now, earlier };
  }

  async function takeSample(): Promise<void> {
    const { now, earlier } = await look();
    const nowMs = performance.now();
    // A clock that is put back must not make a sample that looks like an older one.
    const at = Math.max(Date.now(), (samples.at(-1)?.at ?? 0) + 1);
    const sample = compareCounts(earlier, now, at, (nowMs - beforeMs) / 1000, deps.waitBoundMs);
    samples.push({ at, text: `id: ${at}\ndata: ${JSON.stringify(sample)}\n\n` });
    if (samples.length > SAMPLES_MAX) samples.shift();
    beforeMs = nowMs;
    for (const listener of listeners) serve(listener, nowMs);
  }

  function printAfter(at: number): string {
    return samples
      .filter((sample) => sample.at > at)
      .map((sample) => sample.text)
      .join('');
  }

  function serve(listener: Listener, nowMs: number): void {
    if (listener.stream.write(printAfter(listener.sentTo))) listener.sentTo = samples.at(-1)?.at ?? 0;
    if (nowMs >= listener.endsAtMs) listener.stream.end();
  }

  async function open(call: UserCall): Promise<Outcome> {
    if (!isInstanceAllowed(call.user.instanceRole, 'view_gateways')) return ACCESS_DENIED;
    const wanted = readQuery(call.request, query);
    if (isRefusal(wanted)) return wanted;
    if (listeners.size >= LISTENERS_MAX) return FULL;
    const after = readLast(call.request.fields['last-event-id'] ?? '') ?? wanted.after ?? 0;
    const sentTo = samples.at(-1)?.at ?? 0;
    const hello = `retry: ${RECONNECT_MS}\nevent: gateway\ndata: ${JSON.stringify({ name: gatewayName })}\n\n`;
    return {
      status: '200 OK',
      headers: HEADERS,
      body: hello + printAfter(after),
      ...(wanted.follow === '0' ? {} : { follow: (stream) => listen(stream, sentTo) }),
    };
  }

  function listen(stream: Stream, sentTo: number): () => void {
    const listener = { stream, sentTo, endsAtMs: performance.now() + STREAM_MS_MAX };
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  const timer = setInterval(() => {
    taking ??= takeSample().finally(() => (taking = null));
  }, INTERVAL_MS);
  timer.unref();
  return {
    route: deps.make.watch('/api/console/live', open, ['last-event-id']),
    stats: () => ({ samples: samples.length, listeners: listeners.size }),
    close: () => clearInterval(timer),
  };
}

function readLast(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
