/** Rows as the journal has them, in any number, from pageviews that went through Sluice's own checks. */
import { randomBytes } from 'node:crypto';
import { createRowWriter } from '../../src/records/entry.ts';
import { createIdSource } from '../../src/records/identity.ts';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault } from '../../src/records/payload.ts';
import { findForm } from '../table/forms.ts';

const SITE = '11111111-2222-4333-8444-555555555555';
const CLIENT = '66666666-7777-4888-9999-aaaaaaaaaaaa';

/** `rows` entries, one after the other, of the times that `timeOf` says; made again they are other rows. */
export function makeEntries(rows: number, timeOf: (row: number) => Date): Buffer {
  const writer = createRowWriter();
  const ids = createIdSource(randomBytes);
  const nowMs = Date.now();
  const senders = { siteId: SITE, domain: 'bench.example.com', tokens: [''], clientIds: [CLIENT] };
  const payloads = findForm('pageview')
    .make(senders, 500, false)
    .flatMap(({ records }) => records.map((fields) => ({ fields, hasEscapes: false })));
  const parts: Buffer[] = [];
  for (let row = 0; row < rows; row++) {
    const payload = payloads[row % payloads.length];
    if (payload === undefined) throw new Error('there are no pageviews');
    const timestamp = timeOf(row).toISOString();
    const pageview = readPageview(
      { ...payload, fields: { ...payload.fields, timestamp } },
      {
        nowMs,
        timePolicy: { pastMs: 1e12, futureMs: 1e10 },
        countryOf: () => 'DE',
        isVerified: () => null,
        clientId: CLIENT,
        idempotencyKey: '',
        index: row,
      },
    );
    if (isFault(pageview)) throw new Error(pageview.detail);
    encodePageview(writer, pageview, { siteId: SITE, clientId: CLIENT, nowMs, ids });
    parts.push(Buffer.from(writer.buffer().subarray(0, writer.length())));
  }
  return Buffer.concat(parts);
}

/** A millisecond apart, the last one so long ago. */
export function inOrder(rows: number, agoMs = 0): (row: number) => Date {
  const endMs = Date.now() - agoMs;
  return (row) => new Date(endMs - (rows - row));
}
