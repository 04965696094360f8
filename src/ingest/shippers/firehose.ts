/**
 * What Firehose wants beside the envelope: where its token and options stand, how much it may unpack to, and the answers
 * that it reads. Pure.
 */
import { problems } from '../../http/problem.ts';
import type { Reply, Request, RequestHeaders } from '../../http/request.ts';
import { readCloudfront } from '../../formats/cloudfront.ts';
import { openRecord } from '../../formats/firehose.ts';
import type { LogLine } from '../../formats/log-row.ts';
import { refuse, type Refusal } from '../verdict.ts';
import { readHeaders } from './vendors.ts';

/** Firehose never sends more before compression, and takes 413 for the end of a batch. */
export const FIREHOSE_BYTES_MAX = 64 * 1024 * 1024;
export const FIREHOSE_LIMITS = {
  sentBytesMax: FIREHOSE_BYTES_MAX,
  bytesMax: FIREHOSE_BYTES_MAX,
  ratioMax: 1000,
};
/** Of all records of one delivery, which may be compressed each by itself. */
export const OPENED_BYTES_MAX = 8 * FIREHOSE_BYTES_MAX;
export const OPENED_TOO_MUCH = refuse(
  'body_too_large',
  `The records of the delivery have more than ${OPENED_BYTES_MAX} bytes when decompressed. Buffer less.`,
);
export const ACCESS_KEY = 'x-amz-firehose-access-key';
export const ATTRIBUTES = 'x-amz-firehose-common-attributes';
export const REQUEST_ID = 'x-amz-firehose-request-id';

/** Firehose puts the token where it can: into its access key. */
export function headersOf(request: Request): RequestHeaders {
  const accessKey = request.fields[ACCESS_KEY] ?? '';
  return accessKey === ''
    ? readHeaders(request.headers)
    : { ...request.headers, authorization: `Bearer ${accessKey}` };
}

/** Ends early when more comes out of them than may: the delivery is refused then. */
export function* openRecords(
  records: readonly string[],
  fields: string,
  opened: { bytes: number },
): Generator<LogLine> {
  for (const data of records) {
    const text = openRecord(data);
    opened.bytes += text?.length ?? 0;
    if (opened.bytes > OPENED_BYTES_MAX) return;
    if (text === null) yield { text: data, row: { unread: 'the record cannot be opened' } };
    else yield* readCloudfront(text, fields);
  }
}

/** What Firehose reads: exactly 200 is delivered, and nothing but 413 is final. */
export function replyFirehose(requestId: string, refusal: Refusal | null): Reply {
  const known = refusal === null ? '200 OK' : problems[refusal.code].status;
  const status = known.startsWith('413') ? '400 Bad Request' : known;
  const error = refusal === null ? {} : { errorMessage: refusal.detail };
  return {
    status,
    headers: [['Content-Type', 'application/json'], ...(refusal?.headers ?? [])],
    body: JSON.stringify({ requestId, timestamp: Date.now(), ...error }),
  };
}

/** Options that the delivery stream's settings can carry. */
export function readAttributes(text: string): Record<string, string> {
  try {
    const value = JSON.parse(text) as { commonAttributes?: Record<string, unknown> };
    return Object.fromEntries(
      Object.entries(value.commonAttributes ?? {}).map(([name, one]) => [name, String(one)]),
    );
  } catch {
    return {};
  }
}
