import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAiFetch, readAiFetch } from '../../src/records/ai-fetch.ts';
import { checkEventName, encodeEvent, readEvent } from '../../src/records/event.ts';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault, readPayload } from '../../src/records/payload.ts';
import { context, encodeRow, GPTBOT, NIL, SESSION, visit, wildText } from './samples.ts';

const FIELDS = [
  'url timestamp visitor_ip user_agent id referrer viewport_width viewport_height',
  'screen_width screen_height language dnt session_id page_id name properties path',
  'status_code hostname content_type response_ms bytes_served method __proto__',
].flatMap((line) => line.split(' '));
const wild = fc.oneof(
  fc.jsonValue(),
  wildText,
  wildText.map((text) => `https://example.com/${text}`),
  fc.constantFrom(SESSION, NIL, true, null, 200, 1.5, 1e300, { a: { b: ['\u0000'] } }),
);
const good = { ...visit, user_agent: GPTBOT, name: 'signup', path: '/', status_code: 200 };
/** A good body with some of its fields replaced by anything: near enough to be accepted now and then. */
const body = fc
  .dictionary(fc.constantFrom(...FIELDS), wild, { maxKeys: 3 })
  .map((replaced) => JSON.stringify({ ...good, ...replaced }));

describe('any body', () => {
  it('is for each reader a fault with a field and a sentence, or a record that can be stored', () => {
    let accepted = 0;
    let refused = 0;
    const judge = <R>(
      record: R | ReturnType<typeof readPayload>,
      encode: Parameters<typeof encodeRow<R>>[1],
    ): void => {
      if (isFault(record)) {
        refused++;
        expect(FIELDS).toContain(record.field);
        expect(record.detail).toMatch(/^[a-z_]+ .{5,150}\.$/);
        return;
      }
      accepted++;
      encodeRow(record as R, encode);
    };
    fc.assert(
      fc.property(body, (text) => {
        const payload = readPayload(Buffer.from(text, 'utf8'));
        if (isFault(payload)) throw new Error('JSON that is no JSON');
        judge(readPageview(payload, context), encodePageview);
        const event = readEvent(payload, context);
        judge(isFault(event) ? event : (checkEventName(event) ?? event), encodeEvent);
        judge(readAiFetch(payload, context), encodeAiFetch);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });
});
