/**
 * A change, its audit entry and its announcement are one transaction: none of them is ever there without the others.
 * The only way in which this room writes what the grants depend on.
 */
import { publishRevocation, type News, type Revocation } from '../grants/revocation/publish.ts';
import type { Sql, Transaction } from '../store/connect.ts';
import type { Actor, Author } from './actor.ts';

export interface AuditEntry {
  /** What was done: 'api_client.rotated'. */
  readonly action: string;
  readonly teamId: string | null;
  readonly targetType: string;
  readonly targetId: string | null;
  readonly targetLabel: string;
  /** As the API shows it: never a secret. */
  readonly before?: object | null;
  readonly after?: object | null;
  /** Hashes of the tokens that this made or ended: the log can be searched for them. */
  readonly tokenHashes?: readonly string[];
}

export interface Change {
  readonly tx: Transaction;
  /** Written at the end of the transaction. */
  readonly audit: (entry: AuditEntry) => void;
  /** Published as the very last step. */
  readonly revoke: (revocations: readonly Revocation[]) => void;
}

export interface Changed<T> {
  readonly value: T;
  /** Null: nothing that a grant depends on has changed. */
  readonly news: News | null;
}

/** Makes a change for `author`. Throws when it could not be committed, or nobody knows whether it was. */
export type MakeChange = <T>(author: Author, work: (change: Change) => Promise<T>) => Promise<Changed<T>>;

/** `onCommitted` is called with what has to be told to other gateways; it does not fail. */
export function createChangeMaker(sql: Sql, onCommitted: (news: News) => void): MakeChange {
  return async <T>(author: Author, work: (change: Change) => Promise<T>): Promise<Changed<T>> => {
    const outcome = await sql.begin(async (tx): Promise<{ readonly done: Changed<T> }> => {
      const entries: AuditEntry[] = [];
      const revocations: Revocation[] = [];
      const value = await work({
        tx,
        audit: (entry) => entries.push(entry),
        revoke: (more) => revocations.push(...more),
      });
      for (const entry of entries) await insertEntry(tx, author, entry);
      const news = revocations.length === 0 ? null : await publishRevocation(tx, ...revocations);
      return { done: { value, news } };
    });
    const { done } = outcome;
    if (done.news !== null) onCommitted(done.news);
    return done;
  };
}

async function insertEntry(tx: Transaction, author: Author, entry: AuditEntry): Promise<void> {
  const { actor, source } = author;
  await tx`
    INSERT INTO audit_log (action, actor_type, actor_id, actor_label, actor_role, team_id, target_type, target_id,
                           target_label, token_hashes, before, after, ip, user_agent, request_id)
    VALUES (${entry.action}, ${typeOf(actor)}, ${'id' in actor ? actor.id : null}, ${labelOf(actor)},
            ${roleOf(actor)}, ${entry.teamId}, ${entry.targetType}, ${entry.targetId}, ${entry.targetLabel},
            ${[...(entry.tokenHashes ?? [])]}, ${printJson(entry.before)}::text::jsonb,
            ${printJson(entry.after)}::text::jsonb,
            ${source.ip}, ${source.userAgent}, ${source.requestId})`;
}

/** Text, cast by the server: the driver would encode it a second time. */
function printJson(value: object | null | undefined): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function typeOf(actor: Actor): string {
  return actor.kind === 'key' ? 'api_client' : actor.kind;
}

function labelOf(actor: Actor): string {
  switch (actor.kind) {
    case 'user':
      return actor.email;
    case 'key':
      return actor.name;
    case 'system':
    case 'anonymous':
      return actor.label;
  }
}

function roleOf(actor: Actor): string | null {
  switch (actor.kind) {
    case 'user':
      return actor.instanceRole;
    case 'key':
      return actor.scope;
    case 'system':
    case 'anonymous':
      return null;
  }
}

/** Gives each client a new version, and returns what has to be published: what it may do has changed. */
export async function touchClients(
  tx: Transaction,
  clientIds: readonly string[],
): Promise<readonly Revocation[]> {
  if (clientIds.length === 0) return [];
  const rows = await tx<{ secret_hash: string; previous_secret_hash: string | null; version: number }[]>`
    UPDATE api_clients SET version = version + 1 WHERE id = ANY(${[...clientIds]}::uuid[])
    RETURNING secret_hash, previous_secret_hash, version::float8`;
  return rows.flatMap((row) => revocationsOf(row));
}

/** What a user may do is about to change: nobody makes a client for the user until that is committed. */
export async function lockOwner(tx: Transaction, userId: string): Promise<void> {
  await tx`SELECT FROM users WHERE id = ${userId} FOR UPDATE`;
}

/** All clients of a user: which of them a change of the user's roles is about, a change of theirs may just alter. */
export async function touchClientsOf(tx: Transaction, userId: string): Promise<readonly Revocation[]> {
  const rows = await tx<{ id: string }[]>`SELECT id FROM api_clients WHERE user_id = ${userId}`;
  return touchClients(
    tx,
    rows.map(({ id }) => id),
  );
}

/** One for each token of a client that may be in use. */
export function revocationsOf(client: {
  readonly secret_hash: string;
  readonly previous_secret_hash: string | null;
  readonly version: number;
}): readonly Revocation[] {
  const { secret_hash: current, previous_secret_hash: previous, version } = client;
  const subjects = previous === null ? [current] : [current, previous];
  return subjects.map((subject) => ({ kind: 'client', subject, version }));
}
