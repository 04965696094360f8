/** The records that clients send, in every form in which they may be sent. A record is known by its number. */
import type { DemoSite } from '../setup/gateway.ts';
import type { Table } from './ledger.ts';
import type { Random } from './random.ts';

export const PATH_PREFIX = '/t/';

export interface Form {
  readonly name: string;
  /** How many records one request has, least and most. */
  readonly records: readonly [number, number];
  /** Of all requests: how many of each form, relative to the others. */
  readonly weight: number;
  readonly tableOf: (offset: number) => Table;
  build(first: number, count: number, context: RecordContext): Body;
}

export interface Body {
  readonly path: string;
  readonly contentType: string;
  readonly text: string;
  /** Offsets of records that nothing may accept. */
  readonly invalid: readonly number[];
}

export interface RecordContext {
  readonly site: DemoSite;
  readonly random: Random;
  /** Added to each record that has room for it. */
  readonly padding: string;
}

/** One in so many records is not valid. */
const INVALID_ONE_IN = 150;
const DAY_MS = 86_400_000;
/** So many records share a day; then comes the day before: partitions are made all through a run. */
const NUMBERS_PER_DAY = 8192;
const DAYS = 400;
const LATEST_MS = Date.UTC(2026, 10, 20);

export const forms: readonly Form[] = [
  single('pageview', 'hits', () => '/api/ingest/server/pageview', pageview, 40),
  single('event', 'events', () => '/api/ingest/server/event', event, 20),
  single('ai-fetch', 'ai_fetches', aiFetchPath, aiFetch, 10),
  {
    name: 'JSON array',
    records: [100, 500],
    weight: 14,
    tableOf: () => 'hits',
    build: (first, count, context) =>
      many(first, count, context, '/api/ingest/server/pageview', pageview, asArray),
  },
  {
    name: 'NDJSON',
    records: [20, 300],
    weight: 8,
    tableOf: () => 'events',
    build: (first, count, context) => many(first, count, context, '/api/ingest/server/event', event, asLines),
  },
  {
    name: 'mixed batch',
    records: [50, 300],
    weight: 8,
    tableOf: mixedTable,
    build: (first, count, context) => many(first, count, context, '/api/ingest/server/batch', mixed, asLines),
  },
  {
    name: 'access log',
    records: [20, 200],
    weight: 5,
    tableOf: () => 'ai_fetches',
    build: (first, count, { site, padding }) => ({
      path: `/api/sites/${site.siteId}/ingest/access-log`,
      contentType: 'application/x-ndjson',
      text: list(first, count, (number) => logLine(number, padding)).join('\n'),
      invalid: [],
    }),
  },
  {
    name: 'CloudFront',
    records: [20, 200],
    weight: 5,
    tableOf: () => 'ai_fetches',
    build: (first, count, { site }) => ({
      path: `/api/sites/${site.siteId}/ingest/cloudfront`,
      contentType: 'text/plain',
      text: `${CLOUDFRONT_FIELDS}\n${list(first, count, cloudfrontLine).join('\n')}`,
      invalid: [],
    }),
  },
];

type Write = (number: number, time: string, context: RecordContext, offset: number) => string;

function single(
  name: string,
  table: Table,
  pathOf: (site: DemoSite) => string,
  write: Write,
  weight: number,
): Form {
  return {
    name,
    records: [1, 1],
    weight,
    tableOf: () => table,
    build: (first, count, context) => many(first, count, context, pathOf(context.site), write, asOne),
  };
}

const asOne = { contentType: 'application/json', join: (records: string[]) => records.join('') };
const asArray = { contentType: 'application/json', join: (records: string[]) => `[${records.join(',')}]` };
const asLines = { contentType: 'application/x-ndjson', join: (records: string[]) => records.join('\n') };

function many(
  first: number,
  count: number,
  context: RecordContext,
  path: string,
  write: Write,
  { contentType, join }: typeof asOne,
): Body {
  const invalid: number[] = [];
  const records = list(first, count, (number, offset) => {
    const isInvalid = context.random.between(1, INVALID_ONE_IN) === 1;
    if (isInvalid) invalid.push(offset);
    return write(number, isInvalid ? 'no time' : printTime(number), context, offset);
  });
  return { path, contentType, text: join(records), invalid };
}

function list(first: number, count: number, write: (number: number, offset: number) => string): string[] {
  return Array.from({ length: count }, (_, offset) => write(first + offset, offset));
}

/** The same number has the same time, whenever and however often it is sent. */
function printTime(number: number): string {
  const day = Math.floor(number / NUMBERS_PER_DAY) % DAYS;
  return new Date(LATEST_MS - day * DAY_MS + (number % DAY_MS)).toISOString();
}

function printId(number: number): string {
  return `5e1ce000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

function visit(number: number, time: string, { site, padding }: RecordContext): string {
  return (
    `"id":"${printId(number)}","timestamp":"${time}","url":"https://${site.domain}${PATH_PREFIX}${number}",` +
    `"visitor_ip":"192.0.2.7","user_agent":"Firefox${padding}"`
  );
}

function pageview(number: number, time: string, context: RecordContext): string {
  return `{${visit(number, time, context)}}`;
}

function event(number: number, time: string, context: RecordContext): string {
  return `{${visit(number, time, context)},"name":"sent","properties":{"number":${number}}}`;
}

function aiFetchPath(site: DemoSite): string {
  return `/api/sites/${site.siteId}/ingest/ai-fetch`;
}

function aiFetch(number: number, time: string, { site, padding }: RecordContext): string {
  return (
    `{"id":"${printId(number)}","timestamp":"${time}","site_id":"${site.siteId}","path":"${PATH_PREFIX}${number}",` +
    `"status_code":200,"user_agent":"GPTBot/1.2${padding}"}`
  );
}

const MIXED = [
  ['pageview', 'hits', pageview],
  ['event', 'events', event],
  ['ai_fetch', 'ai_fetches', aiFetch],
] as const;

function mixedTable(offset: number): Table {
  return (MIXED[offset % 3] ?? MIXED[0])[1];
}

function mixed(number: number, time: string, context: RecordContext, offset: number): string {
  const [type, , write] = MIXED[offset % 3] ?? MIXED[0];
  return `{"type":"${type}",${write(number, time, context).slice(1)}`;
}

function logLine(number: number, padding: string): string {
  return (
    `{"timestamp":"${printTime(number)}","path":"${PATH_PREFIX}${number}","status_code":200,` +
    `"id":"request-${number}","user_agent":"ClaudeBot/1.0${padding}"}`
  );
}

const CLOUDFRONT_FIELDS =
  '#Version: 1.0\n#Fields: date time sc-status cs-method cs-uri-stem cs-uri-query cs(User-Agent) x-edge-request-id';

function cloudfrontLine(number: number): string {
  const [date, time] = printTime(number).slice(0, 19).split('T');
  const values = [date, time, '200', 'GET', `${PATH_PREFIX}${number}`, '-', 'GPTBot/1.2', `edge-${number}`];
  return values.join('\t');
}
