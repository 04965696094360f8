/** What a gateway did between two looks at its counts: rates a second, and what is waiting. Pure. */

/** What the parts count, at one moment. */
export interface Counts {
  readonly kinds: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  /** Good answers, by how long they took. */
  readonly waits: readonly number[];
  /** Rows that Postgres took, those that were there already included. */
  readonly stored: number;
  readonly quarantined: number;
  /** Entries that are not in Postgres yet. */
  readonly waiting: number;
  readonly journalBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly revocationLagMs: number;
  /** Why Postgres takes no rows; null: it does. */
  readonly trouble: string | null;
}

export interface Sample {
  /** When it was taken, in ms since 1970; samples are told apart by it. */
  readonly at: number;
  /** Accepted records a second, by kind; those that were none are left out. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Refused records a second, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** How long a 202 took, in ms; null when there was none. */
  readonly ack50: number | null;
  readonly ack99: number | null;
  readonly stored: number;
  /** Rows put into quarantine since the gateway started. */
  readonly quarantined: number;
  readonly waiting: number;
  readonly journalBytes: number;
  /** Of the look-ups of tokens, how many memory answered: 0 to 1; null when there was none. */
  readonly hitPart: number | null;
  readonly revocationLagMs: number;
  readonly trouble: string | null;
}

/** Of all processes of a gateway together. */
export function addCounts(all: readonly Counts[]): Counts {
  const sum = (read: (counts: Counts) => number): number =>
    all.reduce((total, counts) => total + read(counts), 0);
  const sumEach = (read: (counts: Counts) => Readonly<Record<string, number>>): Record<string, number> => {
    const names = new Set(all.flatMap((counts) => Object.keys(read(counts))));
    return Object.fromEntries([...names].map((name) => [name, sum((counts) => read(counts)[name] ?? 0)]));
  };
  const steps = Math.max(0, ...all.map(({ waits }) => waits.length));
  return {
    kinds: sumEach(({ kinds }) => kinds),
    refused: sumEach(({ refused }) => refused),
    waits: Array.from({ length: steps }, (_, index) => sum(({ waits }) => waits[index] ?? 0)),
    stored: sum(({ stored }) => stored),
    quarantined: sum(({ quarantined }) => quarantined),
    waiting: sum(({ waiting }) => waiting),
    journalBytes: sum(({ journalBytes }) => journalBytes),
    hits: sum(({ hits }) => hits),
    misses: sum(({ misses }) => misses),
    revocationLagMs: Math.max(0, ...all.map(({ revocationLagMs }) => revocationLagMs)),
    trouble: all.find(({ trouble }) => trouble !== null)?.trouble ?? null,
  };
}

/** `boundOf`: the longest wait that a step of `waits` stands for. */
export function compareCounts(
  before: Counts,
  now: Counts,
  at: number,
  seconds: number,
  boundOf: (index: number) => number,
): Sample {
  const rate = (count: number): number => round(count / seconds);
  const waits = now.waits.map((count, index) => count - (before.waits[index] ?? 0));
  const hits = now.hits - before.hits;
  const looks = hits + now.misses - before.misses;
  return {
    at,
    kinds: compareEach(before.kinds, now.kinds, rate),
    refused: compareEach(before.refused, now.refused, rate),
    ack50: readQuantile(waits, 0.5, boundOf),
    ack99: readQuantile(waits, 0.99, boundOf),
    stored: rate(now.stored - before.stored),
    quarantined: now.quarantined,
    waiting: now.waiting,
    journalBytes: now.journalBytes,
    hitPart: looks <= 0 ? null : round(hits / looks),
    revocationLagMs: round(now.revocationLagMs),
    trouble: now.trouble,
  };
}

function compareEach(
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
  rate: (count: number) => number,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(now)
      .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [name, rate(count)]),
  );
}

/** The bound of the step that the wanted part of all lies in. */
function readQuantile(
  waits: readonly number[],
  part: number,
  boundOf: (index: number) => number,
): number | null {
  const total = waits.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  const index = waits.findIndex((count) => (seen += count) >= part * total);
  return round(boundOf(index));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
