/**
 * One record as bytes, made once: the journal keeps them, COPY sends them. Little-endian length, table, three zero
 * bytes; then one tuple of COPY's binary format: field count (int16), and for each field its length (int32, -1 =
 * null) and bytes, big endian. Pure.
 *
 * The first four fields of every row are site_id, timestamp, id and client_id, so they lie at fixed offsets.
 */
import { UUID_BYTES, printUuid, writeUuid, type IdSource } from './identity.ts';

export interface Table {
  readonly name: string;
  /** In the order of the row's fields. */
  readonly columns: readonly string[];
}

const IDENTITY = 'site_id timestamp id client_id received_at';

const AI_FETCH_COLUMNS = [
  'assistant_name assistant_family assistant_category path hostname status_code content_type resource_type',
  'response_ms bytes_served user_agent method referrer country_code',
];

/** An entry's table is an index into this list: the order is part of the journal's format, and a former form stays. */
export const tables: readonly Table[] = [
  listTable('hits', [
    'session_id page_id path hostname referrer user_agent',
    'viewport_width viewport_height screen_width screen_height language country_code',
    'utm_source utm_medium utm_campaign utm_term utm_content qr_code_id',
  ]),
  listTable('events', ['session_id name properties path hostname referrer user_agent country_code']),
  listTable('ai_fetches', AI_FETCH_COLUMNS),
  listTable('unread_lines', ['format reason line']),
  listTable('ai_fetches', [...AI_FETCH_COLUMNS, 'verified']),
];

export const HITS = 0;
export const EVENTS = 1;
export const UNREAD_LINES = 3;
export const AI_FETCHES = 4;

const ENTRY_HEADER_BYTES = 8;
const SITE_OFFSET = 2 + 4;
const TIMESTAMP_OFFSET = SITE_OFFSET + UUID_BYTES + 4;
const ID_OFFSET = TIMESTAMP_OFFSET + 8 + 4;
const CLIENT_OFFSET = ID_OFFSET + UUID_BYTES + 4;
const ROW_BYTES_MIN = CLIENT_OFFSET + UUID_BYTES;
/** Postgres counts from 2000. */
const EPOCH_US = Date.UTC(2000, 0, 1) * 1000;
const TWO_32 = 2 ** 32;

/** Writes rows into one buffer, over and over: [0, length) holds the last entry until the next `begin`. */
export interface RowWriter {
  /** Another one after it had to grow. */
  buffer(): Buffer;
  length(): number;
  begin(table: number): void;
  uuid(value: string | null): void;
  timedId(ids: IdSource, nowMs: number): void;
  /** The value, or a new random one. */
  uuidOrRandom(value: string | null, ids: IdSource): void;
  timestampUs(value: number): void;
  boolean(value: boolean | null): void;
  int4(value: number | null): void;
  int8(value: number | null): void;
  text(value: string | null): void;
  jsonb(value: string): void;
  end(): void;
}

const BY_HAND_MAX = 24;

export function createRowWriter(): RowWriter {
  let buffer = Buffer.allocUnsafeSlow(16 * 1024);
  let at = 0;

  function ensure(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(grown, 0, 0, at);
    buffer = grown;
  }

  /** The low 32 bits. By hand: Buffer's own way checks again what is known here. */
  function put32(value: number): void {
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
    at += 4;
  }

  function length32(bytes: number): void {
    ensure(bytes + 4);
    put32(bytes);
  }

  function utf8(value: string, prefixBytes: number): void {
    ensure(4 + prefixBytes + value.length * 3);
    const written = write(value, at + 4 + prefixBytes);
    put32(prefixBytes + written);
    at += prefixBytes + written;
  }

  /** Short ASCII by hand: a call into Node costs more than its letters. Returns the bytes written. */
  function write(value: string, start: number): number {
    if (value.length > BY_HAND_MAX) return buffer.write(value, start, 'utf8');
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return buffer.write(value, start, 'utf8');
      buffer[start + index] = code;
    }
    return value.length;
  }

  function int64(value: number): void {
    length32(8);
    const high = Math.floor(value / TWO_32);
    put32(high);
    put32(value - high * TWO_32);
  }

  const writer = {
    buffer: () => buffer,
    length: () => at,
    begin(table: number) {
      buffer.writeUInt32LE(table, 4);
      at = buffer.writeInt16BE(tables[table]?.columns.length ?? 0, ENTRY_HEADER_BYTES);
    },
    uuid(value: string | null) {
      if (value === null) {
        length32(-1);
        return;
      }
      length32(UUID_BYTES);
      writeUuid(value, buffer, at);
      at += UUID_BYTES;
    },
    timedId(ids: IdSource, nowMs: number) {
      length32(UUID_BYTES);
      ids.writeTimed(buffer, at, nowMs);
      at += UUID_BYTES;
    },
    uuidOrRandom(value: string | null, ids: IdSource) {
      if (value !== null) {
        writer.uuid(value);
        return;
      }
      length32(UUID_BYTES);
      ids.writeRandom(buffer, at);
      at += UUID_BYTES;
    },
    timestampUs: (value: number) => int64(value - EPOCH_US),
    boolean(value: boolean | null) {
      length32(value === null ? -1 : 1);
      if (value !== null) buffer[at++] = value ? 1 : 0;
    },
    int4(value: number | null) {
      if (value === null) length32(-1);
      else {
        length32(4);
        put32(value);
      }
    },
    int8(value: number | null) {
      if (value === null) length32(-1);
      else int64(value);
    },
    text(value: string | null) {
      if (value === null) length32(-1);
      else utf8(value, 0);
    },
    jsonb(value: string) {
      const versionAt = at + 4;
      utf8(value, 1);
      // The version of jsonb's binary form stands before the text.
      buffer[versionAt] = 1;
    },
    end() {
      buffer.writeUInt32LE(at - ENTRY_HEADER_BYTES, 0);
    },
  };
  return writer;
}

/**
 * Calls `visit` for each entry of [start, end). Throws when the bytes are no whole sequence of entries; never reads
 * beyond `end`.
 */
export function forEachEntry(
  buffer: Buffer,
  start: number,
  end: number,
  visit: (table: number, rowStart: number, rowEnd: number) => void,
): void {
  let at = start;
  while (at < end) {
    const rowStart = at + ENTRY_HEADER_BYTES;
    if (rowStart > end) throw new Error('an entry of the journal is cut off');
    const rowEnd = rowStart + buffer.readUInt32LE(at);
    const table = buffer.readUInt32LE(at + 4);
    if (rowEnd > end || rowEnd - rowStart < ROW_BYTES_MIN)
      throw new Error('an entry of the journal has an impossible length');
    if (table >= tables.length)
      throw new Error(`an entry of the journal names table ${table}, which does not exist`);
    visit(table, rowStart, rowEnd);
    at = rowEnd;
  }
}

/** Microseconds since 1970. */
export function rowTimestampUs(buffer: Buffer, rowStart: number): number {
  const high = buffer.readInt32BE(rowStart + TIMESTAMP_OFFSET);
  return high * TWO_32 + buffer.readUInt32BE(rowStart + TIMESTAMP_OFFSET + 4) + EPOCH_US;
}

/** The 16 bytes of the row's client. */
export function clientKey(buffer: Buffer, rowStart: number): Buffer {
  return buffer.subarray(rowStart + CLIENT_OFFSET, rowStart + CLIENT_OFFSET + UUID_BYTES);
}

export function isClient(buffer: Buffer, rowStart: number, key: Buffer): boolean {
  const start = rowStart + CLIENT_OFFSET;
  // By hand: a call into Node costs more than to compare sixteen bytes.
  for (let byte = 0; byte < UUID_BYTES; byte++) if (buffer[start + byte] !== key[byte]) return false;
  return true;
}

/** Whose row it is, and the whole entry around it. */
export function describeRow(
  buffer: Buffer,
  rowStart: number,
  rowEnd: number,
): { readonly siteId: string; readonly clientId: string; readonly entry: Buffer } {
  return {
    siteId: printUuid(buffer, rowStart + SITE_OFFSET),
    clientId: printUuid(buffer, rowStart + CLIENT_OFFSET),
    entry: buffer.subarray(rowStart - ENTRY_HEADER_BYTES, rowEnd),
  };
}

function listTable(name: string, columns: readonly string[]): Table {
  return { name, columns: [IDENTITY, ...columns].flatMap((line) => line.split(' ')) };
}
