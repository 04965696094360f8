/**
 * The forms in which records come in, as requests ready to be sent. A load rotates through several bodies and tokens:
 * nothing is fast because it is always the same. Records have no ids of their own unless asked for, so that the same
 * body sent again is new rows.
 */
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Senders } from '../world.ts';
import type { HttpRequest } from './wrk.ts';

export interface Form {
  readonly name: string;
  readonly table: 'hits' | 'events' | 'ai_fetches';
  /** In one request. */
  readonly records: number;
  readonly connections: number;
  readonly make: (senders: Senders, requests: number, withIds: boolean) => readonly MadeRequest[];
}

/** A request, and the records that are in it. */
export interface MadeRequest extends HttpRequest {
  readonly records: readonly SentRecord[];
}

export type SentRecord = Readonly<Record<string, unknown>>;

interface Kind {
  readonly name: 'pageview' | 'event' | 'ai-fetch';
  readonly table: Form['table'];
  readonly makeRecord: (domain: string, index: number) => SentRecord;
}

interface Printing {
  readonly contentType: string;
  /** '' = as it is. */
  readonly encoding: string;
  readonly print: (records: readonly SentRecord[]) => Buffer;
}

const JSON_TYPE = 'application/json';
const ARRAY: Printing = { contentType: JSON_TYPE, encoding: '', print: printArray };
const LINES: Printing = { contentType: 'application/x-ndjson', encoding: '', print: printLines };
const GZIPPED: Printing = { ...ARRAY, encoding: 'gzip', print: (records) => gzipSync(printArray(records)) };

const PAGEVIEW: Kind = { name: 'pageview', table: 'hits', makeRecord: makePageview };
const EVENT: Kind = { name: 'event', table: 'events', makeRecord: makeEvent };
const AI_FETCH: Kind = { name: 'ai-fetch', table: 'ai_fetches', makeRecord: makeAiFetch };

/** Where nothing is said of it, a batch is of pageviews. */
export const forms: readonly Form[] = [
  ...[PAGEVIEW, EVENT, AI_FETCH].map(single),
  ...[10, 100, 1000].map((records) => batch(`array of ${records}`, records, PAGEVIEW, ARRAY)),
  batch('array of 100 events', 100, EVENT, ARRAY),
  batch('array of 100 ai-fetches', 100, AI_FETCH, ARRAY),
  ...[10, 100, 1000].map((records) => batch(`NDJSON of ${records}`, records, PAGEVIEW, LINES)),
  batch('array of 100, gzip', 100, PAGEVIEW, GZIPPED),
];

export function findForm(name: string): Form {
  const form = forms.find((one) => one.name === name);
  if (form === undefined) throw new Error(`there is no form ${name}`);
  return form;
}

function single({ name, table, makeRecord }: Kind): Form {
  return {
    name,
    table,
    records: 1,
    connections: 256,
    make: (senders, requests, withIds) =>
      Array.from({ length: requests }, (_, index) => {
        const record = identify(makeRecord(senders.domain, index), withIds);
        const path = pathOf(name, senders);
        const body = Buffer.from(JSON.stringify(record));
        const token = pick(senders.tokens, index);
        return { path, token, body, contentType: JSON_TYPE, encoding: '', records: [record] };
      }),
  };
}

function pathOf(name: Kind['name'], { siteId }: Senders): string {
  return name === 'ai-fetch' ? `/api/sites/${siteId}/ingest/ai-fetch` : `/api/ingest/server/${name}`;
}

function batch(name: string, records: number, kind: Kind, { print, contentType, encoding }: Printing): Form {
  return {
    name,
    table: kind.table,
    records,
    // Enough to keep the server busy, and few enough for its memory for bodies.
    connections: Math.max(8, Math.min(64, 6400 / records)),
    make: (senders, requests, withIds) =>
      Array.from({ length: requests }, (_, index) => {
        const made = Array.from({ length: records }, (__, place) =>
          identify(kind.makeRecord(senders.domain, index * records + place), withIds),
        );
        const token = pick(senders.tokens, index);
        const path = pathOf(kind.name, senders);
        return { path, token, body: print(made), contentType, encoding, records: made };
      }),
  };
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

function identify(record: SentRecord, withIds: boolean): SentRecord {
  return withIds ? { ...record, id: randomUUID(), session_id: randomUUID() } : record;
}

const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
];
const CRAWLERS = [
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)',
];

function makeVisit(domain: string, index: number): SentRecord {
  return {
    url: `https://${domain}/articles/how-to-measure-${index % 500}?utm_source=newsletter&utm_medium=email`,
    timestamp: new Date().toISOString(),
    visitor_ip: `8.8.${index % 8}.${index % 250}`,
    user_agent: pick(USER_AGENTS, index),
    referrer: `https://news.example.org/today/${index % 90}`,
  };
}

function makePageview(domain: string, index: number): SentRecord {
  const viewport = { viewport_width: 1280 + (index % 7), viewport_height: 720 };
  return { ...makeVisit(domain, index), ...viewport, language: 'en-GB' };
}

function makeEvent(domain: string, index: number): SentRecord {
  return { ...makeVisit(domain, index), name: 'signup', properties: { plan: 'pro', seats: index % 20 } };
}

function makeAiFetch(_domain: string, index: number): SentRecord {
  return {
    path: `/articles/how-to-measure-${index % 500}`,
    status_code: 200,
    user_agent: pick(CRAWLERS, index),
    content_type: 'text/html; charset=utf-8',
    timestamp: new Date().toISOString(),
  };
}

function printArray(records: readonly SentRecord[]): Buffer {
  return Buffer.from(JSON.stringify(records));
}

function printLines(records: readonly SentRecord[]): Buffer {
  return Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}
