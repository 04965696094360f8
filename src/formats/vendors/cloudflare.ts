/** Cloudflare's Logpush, dataset http_requests, as JSON lines; times in any of its three forms. Pure. */
import { readNumber, readObjects, readStatus, readString, readTime, type Fields } from '../json-lines.ts';
import type { LogLine } from '../log-row.ts';

export function readCloudflare(text: string): Generator<LogLine> {
  return readObjects(text, readRow);
}

function readRow(fields: Fields): LogLine['row'] {
  // What a new job sends to see whether anybody is there.
  if (fields['content'] === 'tests' && Object.keys(fields).length === 1) return null;
  const timestampMs = readTime(fields['EdgeStartTimestamp'] ?? fields['EdgeEndTimestamp']);
  if (timestampMs === null) return { unread: 'there is no EdgeStartTimestamp' };
  const path = readString(fields['ClientRequestURI']) ?? readString(fields['ClientRequestPath']);
  if (path === null) return { unread: 'there is neither ClientRequestURI nor ClientRequestPath' };
  const statusCode = readStatus(fields['EdgeResponseStatus']);
  if (statusCode === null) return { unread: 'EdgeResponseStatus is no status code' };
  const endMs = readTime(fields['EdgeEndTimestamp']);
  return {
    requestId: readString(fields['RayID']),
    timestampMs,
    hostname: readString(fields['ClientRequestHost'])?.toLowerCase() ?? null,
    path,
    statusCode,
    method: readString(fields['ClientRequestMethod']),
    userAgent: readString(fields['ClientRequestUserAgent']),
    referrer: readString(fields['ClientRequestReferer']),
    contentType: readString(fields['EdgeResponseContentType']),
    bytesServed: readNumber(fields['EdgeResponseBytes'], 1),
    responseMs:
      endMs !== null && endMs > timestampMs
        ? endMs - timestampMs
        : readNumber(fields['EdgeTimeToFirstByteMs'], 1),
    visitorIp: readString(fields['ClientIP']),
  };
}
