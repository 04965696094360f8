/** Compares what was promised with what Postgres has, row by row, in one pass and without a string per row. */
import type { Sql } from '../../src/store/connect.ts';
import { tables, type Comparison, type Ledger, type Table, type Verdict } from './ledger.ts';
import { PATH_PREFIX } from './records.ts';

export interface Balance extends Verdict {
  readonly rows: number;
  /** Rows that were put aside instead of stored. */
  readonly quarantined: number;
}

/** All rows are read in one snapshot. */
export async function compare(sql: Sql, ledger: Ledger): Promise<Balance> {
  const comparison = ledger.open();
  let rows = 0;
  let quarantined = 0;
  await sql.begin('isolation level repeatable read read only', async (tx) => {
    await tx.unsafe('SET LOCAL statement_timeout = 0');
    for (const table of tables) {
      const stream = await tx.unsafe(`COPY (SELECT path FROM ${table}) TO STDOUT`).readable();
      rows += await readPaths(stream, table, comparison);
    }
    const [aside] = await tx<{ count: number }[]>`
      SELECT ((SELECT count(*) FROM quarantine) + (SELECT count(*) FROM unread_lines))::int AS count`;
    quarantined = aside?.count ?? 0;
  });
  return { ...comparison.close(), rows, quarantined };
}

/** True when nothing speaks against the promise. */
export function isKept(balance: Balance): boolean {
  const { missing, twice, invented, refusedStored, quarantined } = balance;
  return missing + twice + invented + refusedStored + quarantined === 0;
}

const NEWLINE = 10;
const ZERO = 48;

/** A line is a row's path, `/t/<number>`; the numbers are read from the bytes. */
async function readPaths(
  stream: AsyncIterable<Buffer>,
  table: Table,
  comparison: Comparison,
): Promise<number> {
  const prefix = Buffer.from(PATH_PREFIX);
  let rows = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const number = readNumber(bytes, start, end, prefix);
      if (number === null) comparison.seeStranger(`${table} ${bytes.toString('utf8', start, end)}`);
      else comparison.see(table, number);
      rows++;
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  return rows;
}

function readNumber(bytes: Buffer, start: number, end: number, prefix: Buffer): number | null {
  const from = start + prefix.length;
  if (end <= from || bytes.compare(prefix, 0, prefix.length, start, from) !== 0) return null;
  let number = 0;
  for (let index = from; index < end; index++) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return null;
    number = number * 10 + digit;
  }
  return number;
}
