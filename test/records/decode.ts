/**
 * Reads an entry back, by the words of PostgreSQL's manual on COPY BINARY and by the column types of the migration:
 * it shares no code with what wrote the entry. Throws at the first byte that is not as it must be.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tables } from '../../src/records/entry.ts';

/** uuid and text as text, integer and bigint as number, timestamptz as microseconds since 1970, jsonb as its text. */
export type Value = string | number | bigint | null;

export interface Decoded {
  readonly table: string;
  readonly row: Readonly<Record<string, Value>>;
}

export interface Column {
  readonly type: string;
  readonly isRequired: boolean;
}

const MIGRATIONS = join(import.meta.dirname, '../../src/store/migrations');
const UNIX_TO_2000_US = 946_684_800_000_000n;

/** Column -> its type, as the migration says. */
export const schema: Readonly<Record<string, Readonly<Record<string, Column>>>> = readSchema();

export function decodeEntry(entry: Buffer): Decoded {
  if (entry.readUInt32LE(0) !== entry.length - 8) throw new Error('the length is wrong');
  if (entry.readUIntBE(5, 3) !== 0) throw new Error('the reserved bytes are not zero');
  const table = tables[entry.readUInt8(4)];
  if (table === undefined) throw new Error('no such table');
  const row = entry.subarray(8);
  if (row.readInt16BE(0) !== table.columns.length) throw new Error('the field count is wrong');
  const decoded: Record<string, Value> = {};
  let at = 2;
  for (const name of table.columns) {
    const column = schema[table.name]?.[name];
    if (column === undefined) throw new Error(`${table.name} has no column ${name}`);
    const size = row.readInt32BE(at);
    at += 4;
    if (size === -1) {
      if (column.isRequired) throw new Error(`${name} must not be null`);
      decoded[name] = null;
      continue;
    }
    if (size < 0 || at + size > row.length) throw new Error(`${name} is cut off`);
    decoded[name] = decodeValue(row.subarray(at, at + size), column.type);
    at += size;
  }
  if (at !== row.length) throw new Error('there are bytes behind the last field');
  return { table: table.name, row: decoded };
}

function decodeValue(bytes: Buffer, type: string): Value {
  switch (type) {
    case 'uuid':
      return decodeUuid(bytes);
    case 'timestamptz':
      return expectBytes(bytes, 8).readBigInt64BE(0) + UNIX_TO_2000_US;
    case 'integer':
      return expectBytes(bytes, 4).readInt32BE(0);
    case 'bigint':
      return Number(expectBytes(bytes, 8).readBigInt64BE(0));
    case 'text':
      return decodeText(bytes);
    case 'boolean':
      return expectBytes(bytes, 1).readUInt8(0);
    case 'jsonb':
      if (bytes[0] !== 1) throw new Error('jsonb begins with its version, 1');
      return decodeText(bytes.subarray(1));
    default:
      throw new Error(`no decoder for ${type}`);
  }
}

function expectBytes(bytes: Buffer, size: number): Buffer {
  if (bytes.length !== size) throw new Error(`${size} bytes were expected, not ${bytes.length}`);
  return bytes;
}

function decodeUuid(bytes: Buffer): string {
  return expectBytes(bytes, 16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function decodeText(bytes: Buffer): string {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  if (text.includes('\0')) throw new Error('Postgres keeps no NUL');
  return text;
}

function readSchema(): Record<string, Record<string, Column>> {
  const files = readdirSync(MIGRATIONS).map((file) => readFileSync(join(MIGRATIONS, file), 'utf8'));
  const sql = files.join('\n').replaceAll(/--.*$/gm, '');
  const found: Record<string, Record<string, Column>> = {};
  for (const [, table = '', body = ''] of sql.matchAll(/CREATE TABLE (\w+) \(\n([\s\S]*?)\n\)/g)) {
    const columns = [...body.matchAll(/^ {2}([a-z_]+) +([a-z]+)(.*)$/gm)];
    found[table] = Object.fromEntries(
      columns.map(([, name = '', type = '', rest = '']) => [
        name,
        { type, isRequired: rest.includes('NOT NULL') },
      ]),
    );
  }
  for (const [, table = '', name = '', type = ''] of sql.matchAll(
    /ALTER TABLE (\w+) ADD COLUMN (\w+) (\w+);/g,
  )) {
    found[table] = { ...found[table], [name]: { type, isRequired: false } };
  }
  return found;
}
