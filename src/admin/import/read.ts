/**
 * A HitKeep export -> rows, each with its place in the file. JSON: one object with an array per table, rows as the
 * tables have them. CSV: API clients alone. What cannot be read is a fault with its place; nothing secret is in a
 * fault. Pure.
 */
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { parseUuid } from '../../records/identity.ts';
import { parseTimestampUs } from '../../records/time.ts';

export interface Placed<T> {
  /** 'api_clients[3]', or 'line 4'. */
  readonly place: string;
  readonly row: T;
}

export interface Fault {
  readonly place: string;
  readonly reason: string;
}

export interface Export {
  readonly users: readonly Placed<UserRow>[];
  readonly teams: readonly Placed<TeamRow>[];
  readonly team_members: readonly Placed<TeamMemberRow>[];
  readonly sites: readonly Placed<SiteRow>[];
  readonly site_members: readonly Placed<SiteMemberRow>[];
  readonly api_clients: readonly Placed<ClientRow>[];
  readonly site_roles: readonly Placed<SiteRoleRow>[];
}

const uuid = z.string().transform((text, context) => {
  const id = parseUuid(text.trim());
  if (id !== null) return id;
  context.addIssue({ code: 'custom', message: 'is no UUID' });
  return z.NEVER;
});
/** RFC 3339, or as DuckDB prints it: '2026-05-06 12:00:00', in UTC unless it names a zone. */
const time = z.string().transform((text, context) => {
  const joined = text.trim().replace(' ', 'T');
  const zoned = /([zZ]|[+-]\d\d(:?\d\d)?)$/.test(joined.slice(10)) ? joined : `${joined}Z`;
  const timestampUs = parseTimestampUs(zoned.replace(/([+-]\d\d)$/, '$1:00'));
  if (timestampUs !== null) return new Date(timestampUs / 1000);
  context.addIssue({ code: 'custom', message: 'is no time' });
  return z.NEVER;
});
/** CSV has '' where a table has null. */
const orNull = <T>(schema: z.ZodType<T, string>) =>
  z
    .preprocess((value) => (value === '' ? null : value), schema.nullish())
    .transform((value) => value ?? null);
const siteRole = z.enum(['owner', 'admin', 'editor', 'viewer']);
const name = z.string().trim().min(1).max(500);

const userRow = z.object({
  id: uuid,
  email: z.string().trim().min(3).max(254),
  password_hash: z.string().nullish(),
  instance_role: z.enum(['owner', 'admin', 'user']).nullish(),
});
const teamRow = z.object({ id: uuid, name, archived_at: orNull(time) });
const teamMemberRow = z.object({
  tenant_id: uuid,
  user_id: uuid,
  role: z.enum(['owner', 'admin', 'member']),
});
const siteRow = z.object({ id: uuid, domain: z.string(), tenant_id: orNull(uuid) });
const siteMemberRow = z.object({ site_id: uuid, user_id: uuid, role: siteRole });
const inlineRole = z.object({ site_id: z.string().trim(), role: siteRole });
const clientRow = z.object({
  id: uuid,
  user_id: orNull(uuid),
  user_email: orNull(z.string()),
  tenant_id: orNull(uuid),
  team_name: orNull(z.string()),
  name,
  description: z.string().nullish(),
  secret_hash: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/, { error: 'must be 64 hex digits' }),
  instance_role: z.enum(['owner', 'admin', 'user', '']).nullish(),
  expires_at: orNull(time),
  revoked_at: orNull(time),
  created_at: orNull(time),
  updated_at: orNull(time),
  site_roles: z
    .union([z.array(inlineRole), z.string().transform(readInlineRoles)])
    .nullish()
    .transform((roles) => roles ?? []),
});
const siteRoleRow = z.object({ api_client_id: uuid, site_id: uuid, role: siteRole });

export type UserRow = z.infer<typeof userRow>;
export type TeamRow = z.infer<typeof teamRow>;
export type TeamMemberRow = z.infer<typeof teamMemberRow>;
export type SiteRow = z.infer<typeof siteRow>;
export type SiteMemberRow = z.infer<typeof siteMemberRow>;
export type ClientRow = z.infer<typeof clientRow>;
export type SiteRoleRow = z.infer<typeof siteRoleRow>;

/** Throws one sentence when the file as a whole is neither. */
export function readExport(
  text: string,
  form: 'json' | 'csv',
): { readonly rows: Export; readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const tables = form === 'json' ? readTables(text) : { api_clients: readCsv(text) };
  const at = form === 'json' ? placeOfRow : placeOfLine;
  const read = <T>(names: readonly string[], schema: z.ZodType<T>): Placed<T>[] =>
    names.flatMap((table) => readRows(table, tables[table], schema, at, faults));
  return {
    rows: {
      users: read(['users'], userRow),
      teams: read(['tenants', 'teams'], teamRow),
      team_members: read(['tenant_members', 'team_members'], teamMemberRow),
      sites: read(['sites'], siteRow),
      site_members: read(['site_members'], siteMemberRow),
      api_clients: read(['api_clients'], clientRow),
      site_roles: read(['api_client_site_roles'], siteRoleRow),
    },
    faults,
  };
}

function readTables(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the file is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('the file must be one JSON object with an array for each table');
  return value as Record<string, unknown>;
}

function readCsv(text: string): unknown[] {
  try {
    return parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    // The library's message may hold a piece of the line: only the line's number goes on.
    const line = error instanceof Error && 'lines' in error ? ` (line ${String(error.lines)})` : '';
    throw new Error(`the file is no CSV with a line of column names${line}`, { cause: error });
  }
}

const placeOfRow = (table: string, index: number): string => `${table}[${index}]`;
const placeOfLine = (_table: string, index: number): string => `line ${index + 2}`;

function readRows<T>(
  table: string,
  rows: unknown,
  schema: z.ZodType<T>,
  placeOf: (table: string, index: number) => string,
  faults: Fault[],
): Placed<T>[] {
  if (rows === undefined || rows === null) return [];
  if (!Array.isArray(rows)) {
    faults.push({ place: table, reason: 'must be an array' });
    return [];
  }
  return rows.flatMap((row: unknown, index) => {
    const place = placeOf(table, index);
    const parsed = schema.safeParse(row);
    if (parsed.success) return [{ place, row: parsed.data }];
    const [issue] = parsed.error.issues;
    faults.push({ place, reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}` });
    return [];
  });
}

/** JSON, or 'site:role;site:role', a site by its id or domain. */
export function readInlineRoles(
  text: string,
  context: { addIssue: (issue: { code: 'custom'; message: string }) => void },
): z.infer<typeof inlineRole>[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const parsed = z
    .array(inlineRole)
    .safeParse(trimmed.startsWith('[') ? parseJson(trimmed) : splitRoles(trimmed));
  if (parsed.success) return parsed.data;
  context.addIssue({ code: 'custom', message: "must be JSON, or 'site:role;site:role'" });
  return [];
}

function splitRoles(text: string): object[] {
  return text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const colon = entry.lastIndexOf(':');
      return { site_id: entry.slice(0, Math.max(0, colon)).trim(), role: entry.slice(colon + 1).trim() };
    });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
