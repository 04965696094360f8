/**
 * What each record was promised. A record is a number, counted up from 0, and one byte here: ten million of them are
 * ten megabytes. Its number is in its path, so that every row says which record it is.
 */

export const tables = ['hits', 'events', 'ai_fetches'] as const;
export type Table = (typeof tables)[number];

/** What a sender heard; a record that is sent again may have heard several. */
export type Heard = 'promised' | 'refused' | 'unknown';

export interface Verdict {
  /** Promised by a 202. */
  readonly promised: number;
  /** Promised, and not there, with nothing to excuse it. */
  readonly missing: number;
  /** Promised, and not there: in a frame that a fault has damaged. */
  readonly damaged: number;
  /** There more than once. */
  readonly twice: number;
  /** There, and never sent, or not to this table. */
  readonly invented: number;
  /** There, though every answer was a refusal. */
  readonly refusedStored: number;
  /** There without a promise: the answer was lost. */
  readonly unknownStored: number;
  /** Some of the numbers that speak against the gateway, for a look at them. */
  readonly examples: readonly string[];
}

export interface Ledger {
  /** The next `count` numbers; returns the first. `tableOf` says where the record with an offset goes. */
  allot(count: number, tableOf: (offset: number) => Table): number;
  hear(number: number, heard: Heard): void;
  /** The record lay in bytes that a fault has changed. */
  markDamaged(number: number): void;
  stats(): { readonly sent: number; readonly promised: number };
  /** Compares with rows, which come one by one; may be called again. */
  open(): Comparison;
}

export interface Comparison {
  /** A row of a table says that it is this record. */
  see(table: Table, number: number): void;
  /** A row that names no record at all. */
  seeStranger(name: string): void;
  close(): Verdict;
}

const PROMISED = 1;
const REFUSED = 2;
const UNKNOWN = 4;
const DAMAGED = 8;
const SEEN = 16;
const TABLE_SHIFT = 6;
const HEARD: Readonly<Record<Heard, number>> = { promised: PROMISED, refused: REFUSED, unknown: UNKNOWN };
const EXAMPLES_MAX = 20;

export function createLedger(): Ledger {
  let marks = new Uint8Array(1 << 20);
  let sent = 0;
  let promised = 0;

  function add(number: number, mark: number): void {
    marks[number] = (marks[number] ?? 0) | mark;
  }
  const has = (number: number, mark: number): boolean => ((marks[number] ?? 0) & mark) !== 0;

  function open(): Comparison {
    const found = { twice: 0, invented: 0, missing: 0, damaged: 0, refusedStored: 0, unknownStored: 0 };
    const examples: string[] = [];
    for (let number = 0; number < sent; number++) marks[number] = (marks[number] ?? 0) & ~SEEN;

    function blame(kind: keyof typeof found, what: string): void {
      found[kind]++;
      if (examples.length < EXAMPLES_MAX) examples.push(`${kind}: ${what}`);
    }

    return {
      see(table, number) {
        if (!(number < sent) || tables[(marks[number] ?? 0) >> TABLE_SHIFT] !== table)
          blame('invented', `${table} ${number}`);
        else if (has(number, SEEN)) blame('twice', `${table} ${number}`);
        else add(number, SEEN);
      },
      seeStranger: (name) => blame('invented', name),
      close() {
        for (let number = 0; number < sent; number++) {
          const isThere = has(number, SEEN);
          if (has(number, PROMISED) && !isThere) {
            if (has(number, DAMAGED)) found.damaged++;
            else blame('missing', String(number));
          } else if (isThere && !has(number, PROMISED)) {
            if (has(number, UNKNOWN)) found.unknownStored++;
            else blame('refusedStored', String(number));
          }
        }
        return { promised, ...found, examples };
      },
    };
  }

  return {
    allot(count, tableOf) {
      const first = sent;
      while (first + count > marks.length) {
        const grown = new Uint8Array(marks.length * 2);
        grown.set(marks);
        marks = grown;
      }
      for (let offset = 0; offset < count; offset++)
        marks[first + offset] = tables.indexOf(tableOf(offset)) << TABLE_SHIFT;
      sent += count;
      return first;
    },
    hear(number, heard) {
      if (heard === 'promised' && !has(number, PROMISED)) promised++;
      add(number, HEARD[heard]);
    },
    markDamaged: (number) => add(number, DAMAGED),
    stats: () => ({ sent, promised }),
    open,
  };
}
