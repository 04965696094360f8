/** Records: one, many, and logs of others. */
import { z } from 'zod';
import { formats } from '../../ingest/shippers/formats.ts';
import { named, operationsOf, type Operation, type Operations } from '../operation.ts';
import { count, durability } from './forms.ts';
import { aiFetch, event, mixed, pageview } from './record-fields.ts';

const recordError = named(
  'RecordError',
  z.strictObject({
    index: count,
    id: z.string().nullable(),
    code: z.string(),
    field: z.string().nullable(),
    detail: z.string(),
    retry: z.literal(true).optional().describe('The gateway is the reason: send it again.'),
  }),
);
const counts = {
  received: count,
  accepted: count,
  duplicate: count.nullable().describe('Rows that were there already. Null: not known yet.'),
  rejected: count,
  durability: durability.nullable(),
  validate_only: z.literal(true).optional(),
  errors: z.array(recordError),
  errors_omitted: count,
};
const summary = named('BatchSummary', z.strictObject({ ...counts, dropped: count }));
const delivery = named(
  'Delivery',
  z.strictObject({
    ...counts,
    ai_fetches: count,
    pageviews: count,
    quarantined: count,
    skipped: z.record(z.string(), count),
  }),
);
const validateOnly = z.enum(['1', 'true']).optional().describe('Check, and keep nothing.');
const options = z.object({ validate_only: validateOnly });
const logOptions = z.object({
  pageviews: z.enum(['1', 'true']).optional().describe('Pageviews of people too.'),
  hostname: z.string().optional().describe('For lines that name none.'),
  fields: z.string().optional().describe('Columns, comma between, for lines that do not say.'),
  validate_only: validateOnly,
});
const netlifyOptions = logOptions.extend({
  token: z.string().optional().describe('For Netlify, which can put it nowhere else.'),
});
const declare = operationsOf('Records', 'token');
const ofLogs = operationsOf('Logs', 'token');
const NDJSON = 'application/x-ndjson';

/** `record`: null where there is no single form. */
function take(summaryText: string, record: z.ZodType, form: 'single' | 'batch'): Operation {
  return declare(summaryText, {
    query: options,
    body: {
      'application/json':
        form === 'single' ? z.union([record, z.array(record)]) : z.union([z.array(record), record]),
      [NDJSON]: null,
    },
    headers: ['Prefer', 'Idempotency-Key'],
    // A single record is answered without a body.
    replies: { 200: summary, 202: summary.optional() },
  });
}

const firehoseReply = z.strictObject({ requestId: z.string(), timestamp: count });
const crawler = z.strictObject({
  token: z.string(),
  name: z.string(),
  family: z.string(),
  category: z.string(),
});

export const recordOperations: Operations = {
  'POST /api/ingest/server/pageview': take('Send a pageview, or many', pageview, 'single'),
  'POST /api/ingest/server/event': take('Send an event, or many', event, 'single'),
  'POST /api/sites/:siteId/ingest/ai-fetch': take(
    'Send a fetch by an AI crawler, or many',
    aiFetch,
    'single',
  ),
  'POST /api/ingest/server/batch': take('Send records of any kind', mixed, 'batch'),
  'GET /api/ai-agents': operationsOf('Records', 'none')('List the AI crawlers that are known', {
    replies: { 200: z.strictObject({ count, agents: z.array(crawler) }) },
  }),
  ...Object.fromEntries(
    Object.keys(formats).map((format) => [
      `POST /api/sites/:site/ingest/${format}`,
      ofLogs(`Deliver a log: ${format}`, {
        query: format === 'netlify' ? netlifyOptions : logOptions,
        body: { '*/*': null },
        replies: { 200: delivery, 202: delivery },
      }),
    ]),
  ),
  'POST /api/sites/:site/ingest/firehose': ofLogs('Deliver a log of CloudFront by Amazon Data Firehose', {
    query: logOptions,
    body: z.looseObject({ requestId: z.string(), records: z.array(z.looseObject({ data: z.string() })) }),
    replies: { 200: firehoseReply },
    refusal: firehoseReply.extend({ errorMessage: z.string() }),
  }),
  'GET /api/sites/:site/ingest/vercel': operationsOf('Logs', 'none')("Answer Vercel's question", {
    replies: { 200: { 'text/plain': null } },
  }),
  'GET /.well-known/fastly/logging/challenge': operationsOf('Logs', 'none')("Answer Fastly's question", {
    replies: { 200: { 'text/plain': null } },
  }),
};
