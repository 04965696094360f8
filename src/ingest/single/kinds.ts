/** The three kinds of record: what differs between them on the way of a request. */
import { encodeAiFetch, readAiFetch, type AiFetch } from '../../records/ai-fetch.ts';
import type { RowWriter } from '../../records/entry.ts';
import { checkEventName, encodeEvent, readEvent, type Event } from '../../records/event.ts';
import { parseUuid } from '../../records/identity.ts';
import { encodePageview, readPageview, type Pageview } from '../../records/pageview.ts';
import type { Fault, Payload } from '../../records/payload.ts';
import type { ReadContext, RowContext } from '../../records/visit.ts';
import type { Request } from '../../http/request.ts';
import { refuse, type Refusal } from '../verdict.ts';

/** What every record has. */
export interface Droppable {
  readonly isDropped: boolean;
}

export interface Kind<R extends Droppable> {
  readonly name: string;
  readonly path: string;
  /** The site named by the path; null when the record itself leads to it. */
  readonly siteIdOf: (request: Request) => string | Refusal | null;
  /** Looked up when the path names no site. */
  readonly domainOf: (record: R) => string;
  readonly read: (payload: Payload, context: ReadContext) => R | Fault;
  /** Looked at only after the site and the grant. */
  readonly checkLate: (record: R) => Fault | null;
  readonly encode: (writer: RowWriter, record: R, context: RowContext) => void;
}

export const pageviewKind: Kind<Pageview> = {
  name: 'pageview',
  path: '/api/ingest/server/pageview',
  siteIdOf: () => null,
  domainOf: (pageview) => pageview.hostname,
  read: readPageview,
  checkLate: () => null,
  encode: encodePageview,
};

export const eventKind: Kind<Event> = {
  name: 'event',
  path: '/api/ingest/server/event',
  siteIdOf: () => null,
  domainOf: (event) => event.hostname,
  read: readEvent,
  checkLate: checkEventName,
  encode: encodeEvent,
};

export const aiFetchKind: Kind<AiFetch> = {
  name: 'ai_fetch',
  path: '/api/sites/:siteId/ingest/ai-fetch',
  siteIdOf: (request) =>
    parseUuid(request.parameters[0] ?? '') ??
    refuse(
      'site_id_invalid',
      'invalid site ID: the path must be /api/sites/{site_id}/ingest/ai-fetch, with a UUID.',
    ),
  domainOf: () => '',
  read: readAiFetch,
  checkLate: () => null,
  encode: encodeAiFetch,
};
