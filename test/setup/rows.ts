/** Records as the gateway would encode them, for tests that begin behind the front. */
import { randomBytes } from 'node:crypto';
import { createRowWriter } from '../../src/records/entry.ts';
import { createIdSource } from '../../src/records/identity.ts';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault, readPayload } from '../../src/records/payload.ts';

export const SITE = '11111111-2222-4333-8444-555555555555';
export const CLIENT = '66666666-7777-4888-9999-aaaaaaaaaaaa';

const writer = createRowWriter();
const ids = createIdSource(randomBytes);

/** One entry: a pageview with these fields, the rest filled in. */
export function makeHit(fields: object = {}): Buffer {
  const nowMs = Date.now();
  const payload = readPayload(
    Buffer.from(
      JSON.stringify({
        url: 'https://example.com/',
        timestamp: new Date(nowMs).toISOString(),
        visitor_ip: '192.0.2.1',
        user_agent: 'Firefox',
        ...fields,
      }),
    ),
  );
  if (isFault(payload)) throw new Error(payload.detail);
  const pageview = readPageview(payload, {
    nowMs,
    timePolicy: { pastMs: 50 * 365 * 86_400_000, futureMs: 86_400_000 },
    countryOf: () => null,
    clientId: CLIENT,
    idempotencyKey: '',
    index: 0,
  });
  if (isFault(pageview)) throw new Error(pageview.detail);
  encodePageview(writer, pageview, { siteId: SITE, clientId: CLIENT, nowMs, ids });
  return Buffer.from(writer.buffer.subarray(0, writer.length));
}
