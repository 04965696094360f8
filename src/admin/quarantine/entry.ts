/**
 * An entry of the journal as people read it: columns and values. What was refused may be anything, so nothing here
 * fails: a value that is not what its column should have is shown as hex. Pure.
 */
import { tables } from '../../records/entry.ts';
import { printUuid } from '../../records/identity.ts';

const HEADER_BYTES = 8;
const TABLE_OFFSET = 4;
const UUIDS = /^id$|_id$/;
const TIMES = /^timestamp$|_at$/;
const NUMBERS = /_(width|height|ms|served)$|^status_code$/;
/** A code beside site and client ids, and text all the same. */
const TEXTS = /^qr_code_id$/;
const EPOCH_US = BigInt(Date.UTC(2000, 0, 1)) * 1000n;

export type PrintedEntry = Readonly<Record<string, string | number | boolean | null>>;

export function printEntry(entry: Buffer): PrintedEntry {
  const printed: Record<string, string | number | boolean | null> = {};
  const table = entry.length > HEADER_BYTES ? tables[entry.readUInt8(TABLE_OFFSET)] : undefined;
  let at = HEADER_BYTES + 2;
  for (const column of table?.columns ?? []) {
    if (at + 4 > entry.length) break;
    const size = entry.readInt32BE(at);
    at += 4;
    printed[column] = size < 0 ? null : printValue(column, entry.subarray(at, at + size));
    at += Math.max(size, 0);
  }
  return printed;
}

function printValue(column: string, bytes: Buffer): string | number | boolean {
  if (UUIDS.test(column) && !TEXTS.test(column) && bytes.length === 16) return printUuid(bytes, 0);
  if (TIMES.test(column) && bytes.length === 8) return printTime(bytes.readBigInt64BE(0));
  if (NUMBERS.test(column) && bytes.length === 4) return bytes.readInt32BE(0);
  if (NUMBERS.test(column) && bytes.length === 8) return Number(bytes.readBigInt64BE(0));
  if (column === 'verified' && bytes.length === 1) return bytes[0] === 1;
  const text = (column === 'properties' ? bytes.subarray(1) : bytes).toString('utf8');
  return text.includes('\uFFFD') || text.includes('\0') ? `\\x${bytes.toString('hex')}` : text;
}

/** To the microsecond; a time beyond the calendar as its number. */
function printTime(us2000: bigint): string {
  const us = us2000 + EPOCH_US;
  const time = new Date(Number(us / 1000n));
  return Number.isNaN(time.getTime()) ? `${us} us` : time.toISOString();
}
