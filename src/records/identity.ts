/**
 * UUIDs: read from text, made, and written as 16 bytes. A row's id is the sender's, else derived from the request's
 * Idempotency-Key and the record's place in it, else new. Pure: random bytes come in from outside.
 */
import { hash } from 'node:crypto';
import { fault, type Fault } from './payload.ts';

export const UUID_BYTES = 16;

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const OTHER_FORMS = /^(?:urn:uuid:([0-9a-f-]{36})|\{([0-9a-f-]{36})\}|([0-9a-f]{32}))$/i;
const NIL = /^[0-]*$/;
/** Where each byte's two digits begin in the canonical form: behind 8, 12, 16 and 20 digits there is a hyphen. */
const DIGITS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The canonical form in lower case, or null. Also reads urn:uuid:…, {…} and 32 digits without hyphens. */
export function parseUuid(text: string): string | null {
  if (CANONICAL.test(text)) return text.toLowerCase();
  const match = OTHER_FORMS.exec(text);
  if (match === null) return null;
  const found = (match[1] ?? match[2] ?? hyphenate(match[3] ?? '')).toLowerCase();
  return CANONICAL.test(found) ? found : null;
}

/** A UUID or null; absent, null and the nil UUID = null. */
export function readUuid(value: unknown, field: string): string | null | Fault {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') return fault('field_type', field, `${field} must be a UUID as text.`);
  const uuid = parseUuid(value);
  if (uuid === null) return fault('field_invalid', field, `${field} must be a UUID.`);
  return NIL.test(uuid) ? null : uuid;
}

/**
 * The same key, client and place give the same id, on any node, after any restart. A UUID of version 8: its bits
 * are SHA-256's.
 */
export function deriveId(clientId: string, idempotencyKey: string, index: number): string {
  const digest = hash('sha256', `${clientId}\n${index}\n${idempotencyKey}`, 'hex');
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return hyphenate(`${digest.slice(0, 12)}8${digest.slice(13, 16)}${variant}${digest.slice(17, 32)}`);
}

/** Writes a canonical UUID's 16 bytes. */
export function writeUuid(uuid: string, buffer: Buffer, offset: number): void {
  for (let byte = 0; byte < UUID_BYTES; byte++) {
    const digit = DIGITS[byte] ?? 0;
    buffer[offset + byte] = (nibble(uuid.charCodeAt(digit)) << 4) | nibble(uuid.charCodeAt(digit + 1));
  }
}

/** The canonical form of 16 bytes. */
export function printUuid(buffer: Buffer, offset: number): string {
  return hyphenate(buffer.toString('hex', offset, offset + UUID_BYTES));
}

export interface IdSource {
  /** Version 7: begins with the time, so that new rows lie together in the index. */
  writeTimed(buffer: Buffer, offset: number, nowMs: number): void;
  /** Version 4: all chance. */
  writeRandom(buffer: Buffer, offset: number): void;
}

const POOL_BYTES = 4096;

/** `drawBytes` must be a cryptographic source; it is asked for some KiB at a time. */
export function createIdSource(drawBytes: (size: number) => Buffer): IdSource {
  let pool = drawBytes(POOL_BYTES);
  let used = 0;

  function copyRandom(buffer: Buffer, offset: number): void {
    if (used === POOL_BYTES) {
      pool = drawBytes(POOL_BYTES);
      used = 0;
    }
    pool.copy(buffer, offset, used, used + UUID_BYTES);
    used += UUID_BYTES;
  }

  return {
    writeTimed(buffer, offset, nowMs) {
      copyRandom(buffer, offset);
      buffer.writeUIntBE(nowMs, offset, 6);
      setVersion(buffer, offset, 0x70);
    },
    writeRandom(buffer, offset) {
      copyRandom(buffer, offset);
      setVersion(buffer, offset, 0x40);
    },
  };
}

function setVersion(buffer: Buffer, offset: number, version: number): void {
  buffer[offset + 6] = ((buffer[offset + 6] ?? 0) & 0x0f) | version;
  buffer[offset + 8] = ((buffer[offset + 8] ?? 0) & 0x3f) | 0x80;
}

function nibble(code: number): number {
  return code <= 57 ? code - 48 : (code | 32) - 87;
}

function hyphenate(digits: string): string {
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
}
