/**
 * Amazon Data Firehose's HTTP endpoint: many log lines in an envelope, the token as its access key, and the answer in its
 * own words. Exactly 200 is delivered; nothing but 413 is final, so that is never said.
 */
import { openRecord, readEnvelope } from '../../formats/vendors/firehose.ts';
import { readCloudfront } from '../../formats/vendors/cloudfront.ts';
import type { LogLine } from '../../formats/log-row.ts';
import { problems } from '../../http/problem.ts';
import type { Reply, Request, RequestHeaders, Route } from '../../http/request.ts';
import { admitBody } from '../admission.ts';
import { after } from '../after.ts';
import { isRefusal, refuse, type Refusal } from '../verdict.ts';
import { findFailure } from '../batch/outcome.ts';
import type { Desk, ShipperDeps } from './desk.ts';
import { readPassword } from './vendors.ts';

/** Firehose never sends more before compression, and takes 413 for the end of a batch. */
const FIREHOSE_BYTES_MAX = 64 * 1024 * 1024;
const FIREHOSE_LIMITS = { sentBytesMax: FIREHOSE_BYTES_MAX, bytesMax: FIREHOSE_BYTES_MAX, ratioMax: 1000 };
/** Of all records of one delivery, which may be compressed each by itself. */
const OPENED_BYTES_MAX = 8 * FIREHOSE_BYTES_MAX;
const OPENED_TOO_MUCH = refuse(
  'body_too_large',
  `The records of the delivery have more than ${OPENED_BYTES_MAX} bytes when decompressed. Buffer less.`,
);
const ACCESS_KEY = 'x-amz-firehose-access-key';
const ATTRIBUTES = 'x-amz-firehose-common-attributes';
const REQUEST_ID = 'x-amz-firehose-request-id';

export function createFirehoseRoute(desk: Desk, deps: ShipperDeps): Route {
  async function takeFirehose(request: Request): Promise<Reply> {
    const received = await desk.receive('firehose', request, headersOf(request), (sent) =>
      admitBody(sent, FIREHOSE_LIMITS, deps.decompress),
    );
    const sentId = request.fields[REQUEST_ID] ?? '';
    if (isRefusal(received)) return replyFirehose(sentId, received);
    const envelope = readEnvelope(received.body.toString('utf8'));
    if (typeof envelope === 'string') {
      const refusal = refuse('body_not_json', `No Firehose delivery: ${envelope}.`);
      deps.count('firehose', received.grant, request, refusal);
      return replyFirehose(sentId, refusal);
    }
    const query = new URLSearchParams({
      ...readAttributes(request.fields[ATTRIBUTES] ?? ''),
      ...Object.fromEntries(new URLSearchParams(request.query)),
    });
    const opened = { bytes: 0 };
    const lines = openRecords(envelope.records, query.get('fields') ?? '', opened);
    const { outcome } = await desk.take('firehose', 'cloudfront', request, received, lines, query);
    const failure = findFailure(outcome) ?? (opened.bytes > OPENED_BYTES_MAX ? OPENED_TOO_MUCH : null);
    return replyFirehose(envelope.requestId, failure);
  }

  return {
    method: 'POST',
    path: '/api/sites/:site/ingest/firehose',
    bodyBytesMax: FIREHOSE_BYTES_MAX,
    fields: [ACCESS_KEY, ATTRIBUTES, REQUEST_ID],
    // Told to go in Firehose's own words.
    admit: (request) =>
      after(deps.judgeHead('firehose', request, headersOf(request)), (refusal) =>
        refusal === null ? null : replyFirehose(request.fields[REQUEST_ID] ?? '', refusal),
      ),
    handle: takeFirehose,
  };
}

/** Firehose puts the token where it can: into its access key. */
function headersOf(request: Request): RequestHeaders {
  const accessKey = request.fields[ACCESS_KEY] ?? '';
  return accessKey === ''
    ? readPassword(request.headers)
    : { ...request.headers, authorization: `Bearer ${accessKey}` };
}

/** Ends early when more comes out of them than may: the delivery is refused then. */
function* openRecords(
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
function replyFirehose(requestId: string, refusal: Refusal | null): Reply {
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
function readAttributes(text: string): Record<string, string> {
  try {
    const value = JSON.parse(text) as { commonAttributes?: Record<string, unknown> };
    return Object.fromEntries(
      Object.entries(value.commonAttributes ?? {}).map(([name, one]) => [name, String(one)]),
    );
  } catch {
    return {};
  }
}
