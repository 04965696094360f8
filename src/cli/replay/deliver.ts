/**
 * Sends one part, as a correct client does: what is refused for good ends it; everything else is tried again, as long as
 * the server asks to wait, or with a growing pause. That is harmless: rows are known by what their lines say.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export interface Counts {
  received: number;
  accepted: number;
  duplicate: number;
  skipped: number;
  quarantined: number;
  rejected: number;
}

/** What became of a part. */
export interface Delivered {
  readonly counts: Counts;
  /** Lines that were records, whether they were wanted or not. */
  readonly records: number;
  /** Why the first of its lines was rejected. */
  readonly detail: string | null;
}

export interface Target {
  readonly url: string;
  readonly token: string;
}

interface Answer extends Omit<Counts, 'skipped' | 'duplicate'> {
  readonly duplicate: number | null;
  readonly skipped: Readonly<Record<string, number>>;
  readonly errors: readonly { readonly detail: string }[];
}

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
const ANSWER_MS_MAX = 120_000;

/** Throws one sentence when the part is refused for good. `onWait`: it has to be tried again, after so long. */
export async function deliverPart(
  target: Target,
  text: string,
  onWait: (cause: string, waitMs: number) => void,
): Promise<Delivered> {
  const body = gzipSync(text);
  for (let attempt = 0; ; attempt++) {
    const outcome = await tryOnce(target, body);
    if ('counts' in outcome) return outcome;
    const growingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** attempt) * (0.75 + Math.random() / 2);
    const waitMs = Math.max(outcome.retryAfterMs ?? 0, growingMs);
    onWait(outcome.cause, waitMs);
    await sleep(waitMs);
  }
}

async function tryOnce(
  target: Target,
  body: Buffer,
): Promise<Delivered | { readonly cause: string; readonly retryAfterMs: number | null }> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(target.url, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${target.token}`,
        'Content-Encoding': 'gzip',
        Prefer: 'durability=postgres',
      },
      body,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    text = await response.text();
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { cause, retryAfterMs: null };
  }
  if (response.ok) return readAnswer(JSON.parse(text) as Answer);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  if (response.status === 429 || response.status >= 500)
    return { cause: `${response.status}`, retryAfterMs: Number.isNaN(seconds) ? null : seconds * 1000 };
  throw new Error(`the gateway refuses with ${response.status}: ${readDetail(text)}`);
}

function readAnswer(answer: Answer): Delivered {
  const skipped = Object.values(answer.skipped).reduce((sum, count) => sum + count, 0);
  const { received, accepted, quarantined, rejected } = answer;
  return {
    counts: { received, accepted, duplicate: answer.duplicate ?? 0, skipped, quarantined, rejected },
    records: accepted + skipped - (answer.skipped['not_a_request'] ?? 0),
    detail: answer.errors[0]?.detail ?? null,
  };
}

function readDetail(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: string };
    return detail ?? text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}
