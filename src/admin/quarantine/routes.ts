/**
 * GET /api/sites/{id}/quarantine: what was taken for a site and could not be put where it belongs, newest first: lines
 * of logs that nobody could read, and records that Postgres refused. For those who manage the site: raw records have
 * what senders know of visitors.
 */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import { managesSite } from '../actor.ts';
import { readQuery } from '../body.ts';
import { pageFields, replyPage } from '../page.ts';
import { isRefusal } from '../refusal.ts';
import type { Outcome, UserCall } from '../route.ts';
import { findOwnSite } from '../sites/access.ts';
import type { TeamDeps } from '../teams/routes.ts';
import { readEntry, readTypes } from './entry.ts';

interface Quarantined {
  readonly id: string;
  /** The time to the microsecond: the place in the list. */
  readonly at: string;
  readonly received_at: Date;
  readonly client_id: string;
  /** Of a line: its log format; of a record: its table. */
  readonly format: string;
  readonly reason: string;
  /** Of a line. */
  readonly line: string | null;
  /** Of a record. */
  readonly entry: Buffer | null;
}

const LIMIT_MAX = 200;
export const query = z.strictObject({
  ...pageFields,
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(50),
});

export function createQuarantineRoutes({ sql, make }: Pick<TeamDeps, 'sql' | 'make'>): readonly Route[] {
  async function list(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, managesSite);
    if (isRefusal(site)) return site;
    const page = readQuery(call.request, query);
    if (isRefusal(page)) return page;
    const { cursor, limit } = page;
    const before = (time: string, id: string) =>
      cursor === undefined
        ? sql``
        : sql`AND (${sql(time)}, ${sql(id)}) < (${cursor.at}::text::timestamptz, ${cursor.id}::uuid)`;
    const rows = await sql<Quarantined[]>`
      SELECT id, received_at, to_char(received_at, 'YYYY-MM-DD"T"HH24:MI:SS.USOF') AS at, client_id, format, reason, line, entry
      FROM (
        (SELECT id, received_at, client_id, format, reason, line, NULL::bytea AS entry
         FROM unread_lines WHERE site_id = ${site.id} ${before('received_at', 'id')}
         ORDER BY received_at DESC, id DESC LIMIT ${limit + 1})
        UNION ALL
        (SELECT id, created_at, client_id, table_name, reason, NULL, entry
         FROM quarantine WHERE site_id = ${site.id} ${before('created_at', 'id')}
         ORDER BY created_at DESC, id DESC LIMIT ${limit + 1})
      ) AS both_kinds ORDER BY received_at DESC, id DESC LIMIT ${limit + 1}`;
    const tables = [...new Set(rows.filter((row) => row.entry !== null).map((row) => row.format))];
    const types = new Map(
      await Promise.all(tables.map(async (table) => [table, await readTypes(sql, table)] as const)),
    );
    return replyPage(call.request.path, call.request.query, page, rows, (row) =>
      describeQuarantined(row, types.get(row.format) ?? NO_TYPES),
    );
  }

  return [make.user('GET', '/api/sites/:id/quarantine', list)];
}

const NO_TYPES: ReadonlyMap<string, string> = new Map();

function describeQuarantined(row: Quarantined, types: ReadonlyMap<string, string>): object {
  const { id, received_at: receivedAt, client_id: clientId, format, reason, line, entry } = row;
  return {
    id,
    received_at: receivedAt.toISOString(),
    client_id: clientId,
    kind: entry === null ? 'line' : 'record',
    format,
    reason,
    ...(entry === null ? { line } : { record: readRecord(entry, types) }),
  };
}

/** What was refused may be anything: what cannot be read is shown as it is. */
function readRecord(entry: Buffer, types: ReadonlyMap<string, string>): object {
  try {
    return readEntry(entry, types);
  } catch {
    return { entry: `\\x${entry.toString('hex')}` };
  }
}
