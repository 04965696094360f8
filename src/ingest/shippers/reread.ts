/**
 * A line that was kept unread, read again: with what was missing at the time (the fields of a real-time log, a host), or
 * by a release that knows more. It becomes the row that it would have been.
 */
import type { RowWriter } from '../../records/entry.ts';
import type { IdSource } from '../../records/identity.ts';
import { isFault } from '../../records/payload.ts';
import type { ReadContext } from '../../records/visit.ts';
import { unreadLineKind } from '../batch/mixed.ts';
import { classifyLine, type LogOptions } from './classify.ts';
import { formats, isFormatName } from './formats.ts';

export interface KeptLine {
  readonly siteId: string;
  readonly clientId: string;
  readonly format: string;
  readonly line: string;
}

/** skipped: it is no record that is wanted, and need not be kept. */
export type Reread =
  | { readonly kind: 'entry'; readonly entry: Buffer }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'unread'; readonly reason: string };

export function rereadLine(
  kept: KeptLine,
  options: LogOptions & { readonly fields: string },
  context: Omit<ReadContext, 'index' | 'clientId' | 'idempotencyKey'>,
  writing: { readonly writer: RowWriter; readonly ids: IdSource },
): Reread {
  if (!isFormatName(kept.format)) return { kind: 'unread', reason: `the format ${kept.format} is not known` };
  const [line, more] = [...formats[kept.format](kept.line, options.fields)];
  if (line === undefined || more !== undefined) return { kind: 'unread', reason: 'it is not one line' };
  const classified = classifyLine(line, kept.format, options);
  if (typeof classified === 'string') return { kind: 'skipped' };
  if (classified.kind === unreadLineKind)
    return { kind: 'unread', reason: String(classified.payload.fields['reason']) };
  const { clientId, siteId } = kept;
  const record = classified.kind.read(classified.payload, {
    ...context,
    clientId,
    idempotencyKey: '',
    index: 0,
  });
  if (isFault(record)) return { kind: 'unread', reason: record.detail };
  classified.kind.encode(writing.writer, record, {
    siteId,
    clientId,
    nowMs: context.nowMs,
    ids: writing.ids,
  });
  return { kind: 'entry', entry: Buffer.from(writing.writer.buffer().subarray(0, writing.writer.length())) };
}
