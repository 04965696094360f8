/**
 * Makes, changes, rolls and ends API clients; the only writer of `api_clients`. Each function is the work of one
 * transaction: the rows, the audit entry, and the word that what was believed of its tokens no longer holds.
 */
import { randomUUID } from 'node:crypto';
import { hashToken, hintToken } from '../../grants/token.ts';
import type { Limits } from '../../grants/limit.ts';
import type { Transaction } from '../../store/connect.ts';
import type { InstanceRole, KeyScope } from '../actor.ts';
import { revocationsOf, type Change } from '../change.ts';
import {
  describeClient,
  findClient,
  ownerOf,
  tokenHashesOf,
  type ClientRow,
  type GrantedRole,
  type Owner,
} from './client.ts';

export interface ClientWanted {
  readonly name: string;
  readonly description: string;
  readonly instanceRole: InstanceRole;
  readonly expiresAt: Date | null;
  readonly siteRoles: readonly GrantedRole[];
}

/** Beyond its owner, what an organization key has. */
export interface KeyWanted {
  readonly userId: string | null;
  readonly serviceAccountId: string | null;
  readonly scope: KeyScope;
}

export async function createClient(
  change: Change,
  owner: Owner,
  wanted: ClientWanted,
  token: string,
  createdBy: string | null,
  key: KeyWanted | null = null,
): Promise<ClientRow> {
  const { tx } = change;
  const id = randomUUID();
  const { userId, teamId, organizationId } = ownersOf(owner, key);
  await tx`
    INSERT INTO api_clients (id, user_id, tenant_id, organization_id, scope, service_account_id, created_by, name,
                             description, secret_hash, token_hint, instance_role, expires_at)
    VALUES (${id}, ${userId}, ${teamId}, ${organizationId}, ${key?.scope ?? null}, ${key?.serviceAccountId ?? null},
            ${createdBy}, ${wanted.name}, ${wanted.description}, ${hashToken(token)}, ${hintToken(token)},
            ${wanted.instanceRole}, ${wanted.expiresAt})`;
  await insertRoles(tx, id, wanted.siteRoles);
  const after = await readAgain(tx, owner, id);
  // A gateway may have learnt a moment ago that nobody knows this token.
  note(change, 'api_client.created', null, after);
  return after;
}

export interface UpdateWanted extends ClientWanted {
  /** Undefined: as it was. */
  readonly revoked: boolean | undefined;
}

/** `before` was read, and locked, in this transaction. */
export async function updateClient(
  change: Change,
  owner: Owner,
  before: ClientRow,
  wanted: UpdateWanted,
): Promise<ClientRow> {
  const { tx } = change;
  const isRevoked = wanted.revoked ?? before.revoked_at !== null;
  await tx`
    UPDATE api_clients SET
      name = ${wanted.name}, description = ${wanted.description}, instance_role = ${wanted.instanceRole},
      expires_at = ${wanted.expiresAt}, updated_at = now(), version = version + 1,
      revoked_at = CASE WHEN ${isRevoked} THEN coalesce(revoked_at, now()) END,
      previous_secret_hash = CASE WHEN NOT ${isRevoked} THEN previous_secret_hash END,
      previous_expires_at = CASE WHEN NOT ${isRevoked} THEN previous_expires_at END
    WHERE id = ${before.id}`;
  await tx`DELETE FROM api_client_site_roles WHERE api_client_id = ${before.id}`;
  await insertRoles(tx, before.id, wanted.siteRoles);
  const after = await readAgain(tx, owner, before.id);
  note(change, nameUpdate(before, after), before, after);
  return after;
}

/** Marks it as revoked; nothing else changes. A client that is revoked already stays as it is. */
export async function revokeClient(change: Change, owner: Owner, before: ClientRow): Promise<ClientRow> {
  if (before.revoked_at !== null) return before;
  await change.tx`
    UPDATE api_clients SET revoked_at = now(), updated_at = now(), version = version + 1,
                           previous_secret_hash = NULL, previous_expires_at = NULL
    WHERE id = ${before.id}`;
  const after = await readAgain(change.tx, owner, before.id);
  note(change, 'api_client.revoked', before, after);
  return after;
}

/** The old token ends at once, or after its grace; one that was still in grace ends now. */
export async function rotateClient(
  change: Change,
  owner: Owner,
  before: ClientRow,
  token: string,
  graceSeconds: number,
): Promise<ClientRow> {
  const hasGrace = graceSeconds > 0;
  await change.tx`
    UPDATE api_clients SET
      secret_hash = ${hashToken(token)}, token_hint = ${hintToken(token)}, updated_at = now(), version = version + 1,
      previous_secret_hash = ${hasGrace ? before.secret_hash : null},
      previous_expires_at = CASE WHEN ${hasGrace} THEN now() + make_interval(secs => ${graceSeconds}) END
    WHERE id = ${before.id}`;
  const after = await readAgain(change.tx, owner, before.id);
  note(change, 'api_client.rotated', before, after);
  return after;
}

/** What it may send; null: what settings say for everybody. Its owner is the row's. */
export async function setLimits(
  change: Change,
  before: ClientRow,
  limits: Limits | null,
): Promise<ClientRow> {
  const text = limits === null ? null : JSON.stringify(limits);
  await change.tx`
    UPDATE api_clients SET limits = ${text}::text::jsonb, updated_at = now(), version = version + 1
    WHERE id = ${before.id}`;
  const after = await readAgain(change.tx, ownerOf(before), before.id);
  note(change, 'api_client.limited', before, after);
  return after;
}

export async function deleteClient(change: Change, before: ClientRow): Promise<void> {
  await change.tx`DELETE FROM api_clients WHERE id = ${before.id}`;
  note(change, 'api_client.deleted', before, null);
}

/** The audit entry, and the end of belief in every token that the client had or has. */
function note(change: Change, action: string, before: ClientRow | null, after: ClientRow | null): void {
  const row = after ?? before;
  if (row === null) return;
  change.audit({
    action,
    teamId: row.organization_id ?? row.tenant_id,
    targetType: 'api_client',
    targetId: row.id,
    targetLabel: row.name,
    before: before === null ? null : describeClient(before),
    after: after === null ? null : describeClient(after),
    tokenHashes: [
      ...new Set([before, after].flatMap((state) => (state === null ? [] : tokenHashesOf(state)))),
    ],
  });
  const version = after?.version ?? row.version + 1;
  const ended = [before, after].flatMap((state) =>
    state === null ? [] : revocationsOf({ ...state, version }),
  );
  change.revoke([...new Map(ended.map((revocation) => [revocation.subject, revocation])).values()]);
}

function nameUpdate(before: ClientRow, after: ClientRow): string {
  if (before.revoked_at === null && after.revoked_at !== null) return 'api_client.revoked';
  if (before.revoked_at !== null && after.revoked_at === null) return 'api_client.reactivated';
  return 'api_client.updated';
}

function ownersOf(owner: Owner, key: KeyWanted | null) {
  switch (owner.kind) {
    case 'personal':
      return { userId: owner.userId, teamId: null, organizationId: null };
    case 'team':
      return { userId: null, teamId: owner.teamId, organizationId: null };
    case 'organization':
      return {
        userId: key?.userId ?? null,
        teamId: key?.userId === null ? owner.organizationId : null,
        organizationId: owner.organizationId,
      };
  }
}

async function insertRoles(
  tx: Transaction,
  clientId: string,
  siteRoles: readonly GrantedRole[],
): Promise<void> {
  if (siteRoles.length === 0) return;
  await tx`
    INSERT INTO api_client_site_roles ${tx(
      siteRoles.map(({ site_id, role }) => ({ id: randomUUID(), api_client_id: clientId, site_id, role })),
    )}`;
}

async function readAgain(tx: Transaction, owner: Owner, id: string): Promise<ClientRow> {
  const row = await findClient(tx, owner, id);
  if (row === null) throw new Error('a client is gone in the middle of its own transaction');
  return row;
}
