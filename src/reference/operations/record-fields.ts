/**
 * The fields of records, as the reference shows them. They are read by hand in `records`, for speed; a test holds the
 * two together: whatever has the wrong type for one has it for the other.
 */
import { z } from 'zod';
import { INT4_MAX } from '../../records/payload.ts';
import { named } from '../operation.ts';

const required = z.string().min(1);
const text = z.string().nullish();
const uuid = z.string().nullish().describe('A UUID.');
const size = z
  .number()
  .int()
  .min(-INT4_MAX - 1)
  .max(INT4_MAX)
  .nullish();

const visit = {
  url: required.describe('Absolute http or https URL; its host is the site.'),
  timestamp: required.describe('RFC 3339, with zone.'),
  visitor_ip: required.describe('IPv4 or IPv6, for the country; never stored.'),
  user_agent: required,
  referrer: text,
  session_id: uuid,
  dnt: z.boolean().nullish().describe('True: taken, and not kept.'),
  id: uuid.describe('A UUID: the same id, site and time are the same row.'),
};

export const pageview = named(
  'Pageview',
  z.looseObject({
    ...visit,
    viewport_width: size,
    viewport_height: size,
    screen_width: size,
    screen_height: size,
    language: text,
    page_id: uuid,
  }),
);

export const event = named(
  'Event',
  z.looseObject({
    ...visit,
    name: required,
    properties: z.record(z.string(), z.unknown()).nullish().describe('At most 100 levels deep.'),
  }),
);

export const aiFetch = named(
  'AiFetch',
  z.looseObject({
    path: required.describe('A path, or an absolute URL.'),
    status_code: z.number().int().min(100).max(599),
    user_agent: required.describe('With the name of a known AI crawler: GET /api/ai-agents lists them.'),
    hostname: text,
    content_type: text,
    response_ms: z.number().int().max(INT4_MAX).nullish().describe('Kept when positive.'),
    bytes_served: z.number().int().max(Number.MAX_SAFE_INTEGER).nullish().describe('Kept when positive.'),
    timestamp: text.describe('RFC 3339, with zone; left out: now.'),
    id: uuid,
    visitor_ip: text.describe('IPv4 or IPv6, for the country; never stored.'),
    method: text,
    referrer: text,
  }),
);

export const mixed = named(
  'MixedRecord',
  z.union([
    pageview.extend({ type: z.literal('pageview') }),
    event.extend({ type: z.literal('event') }),
    aiFetch.extend({ type: z.literal('ai_fetch'), site_id: uuid }),
  ]),
);
