/** From journal bytes to COPY streams: sorts entries by table and frames any run of them. Pure. */
import {
  clientKey,
  describeRow,
  forEachEntry,
  isClient,
  rowTimestampUs,
  tables,
  UNREAD_LINES,
} from '../records/entry.ts';
import type { Scratch } from '../memory/scratch.ts';
import { COPY_HEADER_BYTES, COPY_TRAILER_BYTES, frameCopy } from '../store/copy.ts';
import { monthOf, type Month } from '../store/partitions.ts';
import type { TableRows } from '../store/store.ts';

/** All rows of one table in a chunk, in journal order. */
export interface TableBatch {
  /** Index into `tables`. */
  readonly table: number;
  readonly entries: Buffer;
  /** Row i lies at [bounds[2i], bounds[2i+1]) of `entries`. */
  readonly bounds: readonly number[];
  readonly rowCount: number;
}

/** Throws when the bytes are no sequence of entries: the journal's checksum passed, so that is a bug. */
export function sortByTable(entries: Buffer): readonly TableBatch[] {
  const boundsByTable: number[][] = tables.map(() => []);
  forEachEntry(entries, 0, entries.length, (table, rowStart, rowEnd) => {
    boundsByTable[table]?.push(rowStart, rowEnd);
  });
  return boundsByTable
    .map((bounds, table) => ({ table, entries, bounds, rowCount: bounds.length / 2 }))
    .filter((batch) => batch.rowCount > 0);
}

export interface ClientRows {
  readonly clientId: string;
  rows: number;
  /** Of these, lines of logs that could not be read. */
  unread: number;
  /** The same, of the entries that were in the journal before this process. */
  readonly recovered: { rows: number; unread: number };
}

/** Whose rows these are. The first `recoveredRows` entries were in the journal before this process. */
export function countByClient(entries: Buffer, recoveredRows: number): readonly ClientRows[] {
  const found = new Map<string, ClientRows>();
  let client: ClientRows | null = null;
  let key: Buffer | null = null;
  let index = 0;
  forEachEntry(entries, 0, entries.length, (table, rowStart, rowEnd) => {
    // Rows of one client lie together: most often it is the one before.
    if (client === null || key === null || !isClient(entries, rowStart, key)) {
      key = clientKey(entries, rowStart);
      const name = key.toString('latin1');
      client = found.get(name) ?? createClientRows(describeRow(entries, rowStart, rowEnd).clientId);
      found.set(name, client);
    }
    const count = index++ < recoveredRows ? client.recovered : client;
    count.rows++;
    if (table === UNREAD_LINES) count.unread++;
  });
  return [...found.values()];
}

function createClientRows(clientId: string): ClientRows {
  return { clientId, rows: 0, unread: 0, recovered: { rows: 0, unread: 0 } };
}

/** The rows [from, to) of a batch, ready to be sent, in the memory that `scratch` gives. */
export function frameRows(
  batch: TableBatch,
  from: number,
  to: number,
  scratch: Scratch = (bytes) => Buffer.allocUnsafe(bytes),
): TableRows {
  const table = tables[batch.table];
  if (table === undefined) throw new Error(`the journal names table ${batch.table}, which does not exist`);
  const { entries, bounds } = batch;
  let bytes = COPY_HEADER_BYTES + COPY_TRAILER_BYTES;
  for (let row = from; row < to; row++) bytes += rowBytes(bounds, row);
  const stream = scratch(bytes);
  const months = new Set<Month>();
  let end = COPY_HEADER_BYTES;
  let month = NO_MONTH;
  for (let row = from; row < to; row++) {
    const start = bounds[2 * row] ?? 0;
    end += entries.copy(stream, end, start, bounds[2 * row + 1]);
    const timestampMs = rowTimestampUs(entries, start) / 1000;
    if (timestampMs < month.startMs || timestampMs >= month.endMs) {
      month = findMonth(timestampMs);
      months.add(month.number);
    }
  }
  return {
    table: table.name,
    columns: table.columns,
    rowCount: to - from,
    copyStream: frameCopy(stream, end),
    months,
  };
}

function rowBytes(bounds: readonly number[], row: number): number {
  return (bounds[2 * row + 1] ?? 0) - (bounds[2 * row] ?? 0);
}

interface MonthSpan {
  readonly number: Month;
  readonly startMs: number;
  readonly endMs: number;
}

const NO_MONTH: MonthSpan = { number: -1, startMs: Infinity, endMs: -Infinity };

function findMonth(timestampMs: number): MonthSpan {
  const date = new Date(timestampMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { number: monthOf(date), startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
}
