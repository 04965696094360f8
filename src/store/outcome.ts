/** What became of a write, and which errors of Postgres mean what. Pure. */
import { readSqlstate, describeError } from './connect.ts';

export type WriteOutcome =
  /** Committed. `duplicates` rows were there already. */
  | { readonly kind: 'stored'; readonly inserted: number; readonly duplicates: number }
  /** Postgres refuses at least one row for its content: sending the same rows again cannot help. */
  | { readonly kind: 'refused'; readonly sqlstate: string; readonly reason: string }
  /** Not now, or nobody knows: send the same rows again. Row identity makes that harmless. */
  | { readonly kind: 'unavailable'; readonly cause: string };

export type Fault = 'duplicate' | 'partition_missing' | 'refused' | 'unavailable';

/** Sorts an error of a COPY or INSERT. Anything that is not surely about a row's content is 'unavailable'. */
export function classifyFault(error: unknown): Fault {
  const sqlstate = readSqlstate(error);
  if (sqlstate === null) return 'unavailable';
  if (sqlstate === '23505') return 'duplicate';
  // 'no partition of relation found for row' is a check violation without a constraint's name.
  if (sqlstate === '23514' && !hasConstraint(error)) return 'partition_missing';
  // 22 data exception, 23 integrity violation, 54 program limit exceeded (a value too large for an index).
  return /^(22|23|54)/.test(sqlstate) ? 'refused' : 'unavailable';
}

export function explainFault(error: unknown): WriteOutcome {
  return classifyFault(error) === 'refused'
    ? { kind: 'refused', sqlstate: readSqlstate(error) ?? '', reason: describeError(error) }
    : { kind: 'unavailable', cause: describeError(error) };
}

function hasConstraint(error: unknown): boolean {
  return error instanceof Error && 'constraint_name' in error && error.constraint_name !== undefined;
}
