/** The kinds of record behind one face, for batches that may mix them: each reads, encodes and finds its site itself. */
import type { Grant } from '../../grants/grant.ts';
import { parseUuid } from '../../records/identity.ts';
import { fault, type Fault, type Payload } from '../../records/payload.ts';
import type { ReadContext, RowContext } from '../../records/visit.ts';
import type { RowWriter } from '../../records/entry.ts';
import { encodeUnreadLine, readUnreadLine, type UnreadLine } from '../shippers/unread-line.ts';
import { aiFetchKind, eventKind, pageviewKind, type Kind } from '../single/kinds.ts';
import { refuse, type Refusal } from '../verdict.ts';
import type { RowIdentity } from './duplicates.ts';

/** What every record has that a batch asks for. */
export interface AnyRecord {
  readonly isDropped: boolean;
  readonly id: string | null;
  readonly timestampUs: number;
}

export type Target = { readonly siteId: string } | { readonly domain: string };

export interface MixedKind {
  readonly name: string;
  readonly table: RowIdentity['table'];
  read(payload: Payload, context: ReadContext): AnyRecord | Fault;
  checkLate(record: AnyRecord): Fault | null;
  encode(writer: RowWriter, record: AnyRecord, context: RowContext): void;
  /** Where a record belongs whose request names no site. */
  targetOf(record: AnyRecord, payload: Payload): Target | Fault;
  /** Which of a grant's roles count for it. */
  rolesOf(grant: Grant): Grant['siteRoles'];
}

/** A record comes only from its own kind's `read`: that is what makes the cast sound. */
function mix<R extends AnyRecord>(
  kind: Kind<R>,
  table: RowIdentity['table'],
  rolesOf: MixedKind['rolesOf'],
  targetOf: (record: R, payload: Payload) => Target | Fault,
): MixedKind {
  return {
    name: kind.name,
    table,
    read: (payload, context) => kind.read(payload, context),
    checkLate: (record) => kind.checkLate(record as R),
    encode: (writer, record, context) => kind.encode(writer, record as R, context),
    targetOf: (record, payload) => targetOf(record as R, payload),
    rolesOf,
  };
}

export const mixedKinds = {
  pageview: mix(
    pageviewKind,
    'hits',
    (grant) => grant.siteRoles,
    (record) => ({ domain: record.hostname }),
  ),
  event: mix(
    eventKind,
    'events',
    (grant) => grant.siteRoles,
    (record) => ({ domain: record.hostname }),
  ),
  ai_fetch: mix(
    aiFetchKind,
    'ai_fetches',
    (grant) => grant.currentRoles,
    (record, payload) => readSite(payload) ?? readHost(record.hostname),
  ),
} as const;

/** What a shipper's reader makes of a line that it cannot read; no sender can name it. */
export const unreadLineKind: MixedKind = {
  name: 'unread_line',
  table: 'unread_lines',
  read: readUnreadLine,
  checkLate: () => null,
  encode: (writer, record, context) => encodeUnreadLine(writer, record as UnreadLine, context),
  targetOf: () => fault('field_required', 'site_id', 'A shipper names its site in the path.'),
  rolesOf: (grant) => grant.currentRoles,
};

export type KindName = keyof typeof mixedKinds;

/** The kind that a record of a mixed batch names in `type`. */
export function kindOfType(payload: Payload): MixedKind | Refusal {
  const { type } = payload.fields;
  if (typeof type === 'string' && Object.hasOwn(mixedKinds, type)) return mixedKinds[type as KindName];
  return refuse(
    type === undefined ? 'field_required' : 'field_invalid',
    'type must be pageview, event or ai_fetch.',
    'type',
  );
}

function readSite(payload: Payload): Target | Fault | null {
  const { site_id: value } = payload.fields;
  if (value === undefined || value === null) return null;
  const siteId = typeof value === 'string' ? parseUuid(value) : null;
  return siteId === null ? fault('field_invalid', 'site_id', 'site_id must be a UUID.') : { siteId };
}

function readHost(hostname: string | null): Target | Fault {
  return hostname === null
    ? fault('field_required', 'site_id', 'An AI fetch needs site_id, or a hostname that is a site.')
    : { domain: hostname.replace(/^www\./, '') };
}
