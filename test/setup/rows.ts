/** Records as the gateway would encode them, for tests that begin behind the front. */
import { randomBytes } from 'node:crypto';
import { encodeAiFetch, readAiFetch } from '../../src/records/ai-fetch.ts';
import { createRowWriter } from '../../src/records/entry.ts';
import { createIdSource } from '../../src/records/identity.ts';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault, readPayload, type Payload } from '../../src/records/payload.ts';

export const SITE = '11111111-2222-4333-8444-555555555555';
export const CLIENT = '66666666-7777-4888-9999-aaaaaaaaaaaa';

const writer = createRowWriter();
const ids = createIdSource(randomBytes);

const context = {
  timePolicy: { pastMs: 50 * 365 * 86_400_000, futureMs: 86_400_000 },
  countryOf: () => null,
  isVerified: () => null,
  clientId: CLIENT,
  idempotencyKey: '',
  index: 0,
};

/** One entry: a pageview with these fields, the rest filled in. */
export function makeHit(fields: object = {}): Buffer {
  const nowMs = Date.now();
  const payload = payloadOf({
    url: 'https://example.com/',
    timestamp: new Date(nowMs).toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
    ...fields,
  });
  const pageview = readPageview(payload, { ...context, nowMs });
  if (isFault(pageview)) throw new Error(pageview.detail);
  encodePageview(writer, pageview, { siteId: SITE, clientId: CLIENT, nowMs, ids });
  return Buffer.from(writer.buffer().subarray(0, writer.length()));
}

/** One entry: a fetch of `/fetched` by GPTBot. */
export function makeFetch(): Buffer {
  const nowMs = Date.now();
  const payload = payloadOf({ path: '/fetched', status_code: 200, user_agent: 'GPTBot/1.2' });
  const fetch = readAiFetch(payload, { ...context, nowMs });
  if (isFault(fetch)) throw new Error(fetch.detail);
  encodeAiFetch(writer, fetch, { siteId: SITE, clientId: CLIENT, nowMs, ids });
  return Buffer.from(writer.buffer().subarray(0, writer.length()));
}

function payloadOf(fields: object): Payload {
  const payload = readPayload(Buffer.from(JSON.stringify(fields)));
  if (isFault(payload)) throw new Error(payload.detail);
  return payload;
}
