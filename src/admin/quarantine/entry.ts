/** An entry read back into fields, for people who want to see what was kept. */
import { tables } from '../../records/entry.ts';
import { printUuid } from '../../records/identity.ts';
import type { Sql } from '../../store/connect.ts';

export type Field = string | number | boolean | object | null;

const HEADER_BYTES = 8;
/** Postgres counts from 2000. */
const EPOCH_US = BigInt(Date.UTC(2000, 0, 1)) * 1000n;

/** `types`: column -> its type, as Postgres names it. Throws when the entry is none. */
export function readEntry(
  entry: Buffer,
  types: ReadonlyMap<string, string>,
): Readonly<Record<string, Field>> {
  const table = tables[entry.readUInt32LE(4)];
  if (table === undefined) throw new Error('the entry is of a table that this release does not know');
  const fields: Record<string, Field> = {};
  let at = HEADER_BYTES + 2;
  for (const column of table.columns) {
    const bytes = entry.readInt32BE(at);
    at += 4;
    fields[column] = bytes === -1 ? null : readField(entry.subarray(at, at + bytes), types.get(column) ?? '');
    at += Math.max(0, bytes);
  }
  return fields;
}

function readField(bytes: Buffer, type: string): Field {
  switch (type) {
    case 'uuid':
      return printUuid(bytes, 0);
    case 'timestamp with time zone':
      return printTime(bytes.readBigInt64BE(0) + EPOCH_US);
    case 'integer':
      return bytes.readInt32BE(0);
    case 'bigint':
      return Number(bytes.readBigInt64BE(0));
    case 'boolean':
      return bytes.readUInt8(0) === 1;
    case 'jsonb':
      // One byte says the version of the form.
      return JSON.parse(bytes.toString('utf8', 1)) as object;
    default:
      return bytes.toString('utf8');
  }
}

/** With microseconds. */
function printTime(us: bigint): string {
  const whole = new Date(Number(us / 1000n)).toISOString().slice(0, -1);
  return `${whole}${String(us % 1000n).padStart(3, '0')}Z`;
}

/** Column -> type, as Postgres names it. */
export async function readTypes(sql: Sql, table: string): Promise<ReadonlyMap<string, string>> {
  const columns = await sql<{ name: string; type: string }[]>`
    SELECT attname AS name, format_type(atttypid, NULL) AS type
    FROM pg_attribute WHERE attrelid = to_regclass(${table}) AND attnum > 0 AND NOT attisdropped`;
  return new Map(columns.map(({ name, type }) => [name, type]));
}
