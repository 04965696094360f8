/** People who sign in. A password is kept as argon2id; without one nobody signs in as that user. */
import { randomUUID } from 'node:crypto';
import type { Sql, Transaction } from '../../store/connect.ts';
import type { InstanceRole } from '../actor.ts';
import { revocationsOf, type Change } from '../change.ts';
import { refuse, type Refusal } from '../refusal.ts';

export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly instance_role: InstanceRole;
  readonly created_at: Date;
}

export interface UserWanted {
  readonly email: string;
  readonly passwordHash: string | null;
  readonly instanceRole: InstanceRole;
}

const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,189}$/;
const LAST_OWNER = refuse('conflict', 'The instance needs an owner: make somebody else owner first.');

/** As people write it; compared without case. Null: no e-mail address. */
export function normaliseEmail(text: string): string | null {
  const email = text.trim();
  return EMAIL.test(email) && !/\p{Cc}/u.test(email) ? email : null;
}

export async function createUser(change: Change, wanted: UserWanted): Promise<UserRow | Refusal> {
  const [user] = await change.tx<UserRow[]>`
    INSERT INTO users (id, email, password_hash, instance_role)
    VALUES (${randomUUID()}, ${wanted.email}, ${wanted.passwordHash}, ${wanted.instanceRole})
    ON CONFLICT (lower(email)) DO NOTHING
    RETURNING id, email, instance_role, created_at`;
  if (user === undefined) return refuse('conflict', 'A user has this e-mail address already.', 'email');
  note(change, 'user.created', user, null, user);
  return user;
}

export async function setInstanceRole(
  change: Change,
  id: string,
  role: InstanceRole,
): Promise<UserRow | null | Refusal> {
  const before = await lockUser(change.tx, id);
  if (before === null) return null;
  if (before.instance_role === 'owner' && role !== 'owner' && (await isLastOwner(change.tx)))
    return LAST_OWNER;
  await change.tx`UPDATE users SET instance_role = ${role}, updated_at = now() WHERE id = ${id}`;
  const after = { ...before, instance_role: role };
  note(change, 'user.updated', after, before, after);
  return after;
}

/** Every session of the user ends. */
export async function setPassword(change: Change, user: UserRow, passwordHash: string): Promise<void> {
  await change.tx`UPDATE users SET password_hash = ${passwordHash}, updated_at = now() WHERE id = ${user.id}`;
  await change.tx`DELETE FROM sessions WHERE user_id = ${user.id}`;
  note(change, 'user.password_changed', user, null, null);
}

/** Its personal clients and keys die with it; a team's clients stay. */
export async function deleteUser(change: Change, id: string): Promise<UserRow | null | Refusal> {
  const { tx } = change;
  const user = await lockUser(tx, id);
  if (user === null) return null;
  if (user.instance_role === 'owner' && (await isLastOwner(tx))) return LAST_OWNER;
  const [left] = await tx<{ name: string }[]>`
    SELECT t.name FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id AND m.user_id = ${id}
    WHERE m.role = 'owner' AND t.archived_at IS NULL AND NOT EXISTS (
      SELECT FROM tenant_members o WHERE o.tenant_id = t.id AND o.role = 'owner' AND o.user_id <> ${id})
    LIMIT 1`;
  if (left !== undefined)
    return refuse('conflict', `The team ${left.name} would have no owner: make somebody else owner first.`);
  const clients = await tx<{ secret_hash: string; previous_secret_hash: string | null; version: number }[]>`
    SELECT secret_hash, previous_secret_hash, (version + 1)::float8 AS version FROM api_clients WHERE user_id = ${id} FOR UPDATE`;
  await tx`DELETE FROM users WHERE id = ${id}`;
  note(change, 'user.deleted', user, user, null, clients);
  change.revoke(clients.flatMap((client) => revocationsOf(client)));
  return user;
}

export async function findUserByEmail(sql: Sql | Transaction, email: string): Promise<UserRow | null> {
  const [user] = await sql<UserRow[]>`
    SELECT id, email, instance_role, created_at FROM users WHERE lower(email) = lower(${email})`;
  return user ?? null;
}

export async function listUsers(sql: Sql): Promise<readonly UserRow[]> {
  return sql<UserRow[]>`SELECT id, email, instance_role, created_at FROM users ORDER BY email`;
}

export function describeUser(user: UserRow): object {
  const { id, email, instance_role: role } = user;
  return { id, email, instance_role: role, created_at: user.created_at.toISOString() };
}

async function lockUser(tx: Transaction, id: string): Promise<UserRow | null> {
  // One lock for all: two owners cannot unmake each other at once.
  await tx`SELECT pg_advisory_xact_lock(${USERS_LOCK})`;
  const [user] = await tx<UserRow[]>`
    SELECT id, email, instance_role, created_at FROM users WHERE id = ${id} FOR UPDATE`;
  return user ?? null;
}

/** 'user' as a 32-bit number. */
const USERS_LOCK = 0x75736572;

async function isLastOwner(tx: Transaction): Promise<boolean> {
  const [owners] = await tx<{ count: number }[]>`
    SELECT count(*)::int AS count FROM users WHERE instance_role = 'owner'`;
  return owners?.count === 1;
}

function note(
  change: Change,
  action: string,
  user: UserRow,
  before: UserRow | null,
  after: UserRow | null,
  clients: readonly { readonly secret_hash: string }[] = [],
): void {
  change.audit({
    action,
    teamId: null,
    targetType: 'user',
    targetId: user.id,
    targetLabel: user.email,
    before: before === null ? null : describeUser(before),
    after: after === null ? null : describeUser(after),
    tokenHashes: clients.map((client) => client.secret_hash),
  });
}
