/**
 * The envelope in which Amazon Data Firehose delivers over HTTP: a request id, and records of base64, each of one line,
 * several lines, or, when they came by way of CloudWatch Logs, gzipped JSON around log events. Pure.
 */
import { gunzipSync } from 'node:zlib';
import { isFields, parseJson } from '../json-lines.ts';

export interface Envelope {
  readonly requestId: string;
  /** Base64, as they came. */
  readonly records: readonly string[];
}

/** CloudWatch puts some 6 MB into a record at most. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A reason when it is no envelope. */
export function readEnvelope(text: string): Envelope | string {
  const value = parseJson(text);
  if (value === undefined) return 'the body is not JSON, or has too much in it';
  if (typeof value !== 'object' || value === null) return 'the body is no object';
  const { requestId, records } = value as { requestId?: unknown; records?: unknown };
  if (typeof requestId !== 'string' || requestId === '' || requestId.length > 256)
    return 'requestId is missing';
  if (!Array.isArray(records)) return 'records is missing';
  const data: string[] = [];
  for (const record of records as unknown[]) {
    const content = typeof record === 'object' && record !== null && 'data' in record ? record.data : null;
    if (typeof content !== 'string' || !BASE64.test(content)) return 'a record has no base64 data';
    data.push(content);
  }
  return { requestId, records: data };
}

/** The text inside a record: lines of a log. A control message of CloudWatch has none. Null: it cannot be opened. */
export function openRecord(data: string): string | null {
  const bytes = Buffer.from(data, 'base64');
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    const text = gunzipSync(bytes, { maxOutputLength: RECORD_BYTES_MAX }).toString('utf8');
    return text.startsWith('{"messageType"') || text.includes('"logEvents"') ? readEvents(text) : text;
  } catch {
    return null;
  }
}

function readEvents(text: string): string | null {
  const value = parseJson(text);
  if (!isFields(value)) return null;
  const { messageType, logEvents } = value as { messageType?: unknown; logEvents?: unknown };
  if (messageType === 'CONTROL_MESSAGE') return '';
  if (!Array.isArray(logEvents)) return null;
  return logEvents
    .map((event: unknown) =>
      typeof event === 'object' && event !== null && 'message' in event ? String(event.message) : '',
    )
    .join('\n');
}
