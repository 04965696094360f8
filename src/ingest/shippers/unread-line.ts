/** A line of a delivered log that nobody could read, kept with the reason: payload -> row of `unread_lines`. Pure. */
import { UNREAD_LINES, type RowWriter } from '../../records/entry.ts';
import { deriveId } from '../../records/identity.ts';
import type { Payload } from '../../records/payload.ts';
import type { ReadContext, RowContext } from '../../records/visit.ts';

export interface UnreadLine {
  readonly timestampUs: number;
  readonly id: string;
  readonly format: string;
  readonly reason: string;
  readonly line: string;
  readonly isDropped: false;
}

const LINE_LENGTH_MAX = 32_768;
const DAY_MS = 86_400_000;

/** Made by the reader of a format, not by a sender: its fields are texts. */
export function readUnreadLine(payload: Payload, context: ReadContext): UnreadLine {
  const { format, reason, line } = payload.fields;
  const text = String(line);
  return {
    // The same line on the same day is the same row.
    timestampUs: Math.floor(context.nowMs / DAY_MS) * DAY_MS * 1000,
    id: deriveId('unread line', `${String(format)}\n${text}`, 0),
    format: String(format),
    reason: String(reason),
    line: text.slice(0, LINE_LENGTH_MAX).replaceAll('\0', '\u{fffd}').toWellFormed(),
    isDropped: false,
  };
}

export function encodeUnreadLine(writer: RowWriter, line: UnreadLine, context: RowContext): void {
  writer.begin(UNREAD_LINES);
  writer.uuid(context.siteId);
  writer.timestampUs(line.timestampUs);
  writer.uuid(line.id);
  writer.uuid(context.clientId);
  writer.timestampUs(context.nowMs * 1000);
  writer.text(line.format);
  writer.text(line.reason);
  writer.text(line.line);
  writer.end();
}
