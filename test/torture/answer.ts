/** What an answer promises about each record of a request. Only what it says counts: no doubt is taken for a promise. */
import type { Heard } from './ledger.ts';

export interface Answer {
  /** Status and code, or 'no answer'. */
  readonly name: string;
  readonly heard: (offset: number) => Heard;
  /** Sending the same again may help. */
  readonly mayPass: boolean;
  readonly isInPostgres: boolean;
}

interface Summary {
  readonly code?: string;
  readonly accepted?: number;
  readonly errors?: readonly { readonly index: number; readonly code: string }[];
  readonly errors_omitted?: number;
}

/** The record may be kept or not: it was on its way to the disk. */
const UNSURE = new Set(['journal_slow', 'journal_failed']);

export function judge(status: number, text: string, records: number): Omit<Answer, 'isInPostgres'> {
  if (status === 0) return { name: 'no answer', heard: () => 'unknown', mayPass: true };
  const isTaken = status === 202 || status === 200;
  if (isTaken && text === '') return { name: String(status), heard: () => 'promised', mayPass: false };
  const { code = '', accepted = 0, errors = [], errors_omitted: omitted = 0 } = JSON.parse(text) as Summary;
  if (records === 1 && !isTaken) {
    const heard = UNSURE.has(code) ? 'unknown' : 'refused';
    return { name: `${status} ${code}`, heard: () => heard, mayPass: status >= 500 };
  }
  const faults = new Map(errors.map((error) => [error.index, UNSURE.has(error.code)]));
  // Without a list of all that was refused, the rest may be either; so it is when a delivery of a log is asked for
  // again as a whole, though some of it is kept.
  const isEither = omitted > 0 || (!isTaken && accepted > 0);
  const rest: Heard = isEither ? 'unknown' : isTaken ? 'promised' : 'refused';
  const others: Heard = UNSURE.has(code) ? 'unknown' : rest;
  return {
    name: code === '' ? String(status) : `${status} ${code}`,
    heard(offset) {
      const isUnsure = faults.get(offset);
      if (isUnsure === undefined) return others;
      return isUnsure ? 'unknown' : 'refused';
    },
    mayPass: status >= 500 || errors.some((error) => error.code.startsWith('journal')),
  };
}
