/**
 * API clients: the only writer of `api_clients`. A change and its announcement are one transaction; the token is
 * returned once and stored only as its hash.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { SiteRole } from '../grants/grant.ts';
import { publishRevocation } from '../grants/revocation/publish.ts';
import { createToken, hashToken, hintToken } from '../grants/token.ts';
import type { Sql } from '../store/connect.ts';

/** As the API answers it: null optionals are left out. */
export interface Client {
  readonly id: string;
  readonly tenant_id: string;
  readonly owner_type: 'team';
  readonly name: string;
  readonly description: string;
  readonly token_hint: string;
  readonly instance_role: 'user';
  readonly expires_at?: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly site_roles: readonly { readonly site_id: string; readonly role: SiteRole }[];
}

export interface ClientWanted {
  readonly tenantId: string;
  readonly name: string;
  readonly siteId: string;
  readonly role: SiteRole;
  readonly expiresAt: Date | null;
}

export async function createTeamClient(
  sql: Sql,
  wanted: ClientWanted,
): Promise<{ client: Client; token: string }> {
  const token = createToken(randomBytes(32));
  const secretHash = hashToken(token);
  const hint = hintToken(token);
  const id = randomUUID();
  const createdAt = await sql.begin(async (tx) => {
    const [row] = await tx<{ created_at: Date }[]>`
      INSERT INTO api_clients (id, tenant_id, name, secret_hash, token_hint, expires_at)
      VALUES (${id}, ${wanted.tenantId}, ${wanted.name}, ${secretHash}, ${hint}, ${wanted.expiresAt})
      RETURNING created_at`;
    await tx`
      INSERT INTO api_client_site_roles (id, api_client_id, site_id, role)
      VALUES (${randomUUID()}, ${id}, ${wanted.siteId}, ${wanted.role})`;
    await publishRevocation(tx, { kind: 'client', subject: secretHash, version: 1 });
    return (row?.created_at ?? new Date()).toISOString();
  });
  const client: Client = {
    id,
    tenant_id: wanted.tenantId,
    owner_type: 'team',
    name: wanted.name,
    description: '',
    token_hint: hint,
    instance_role: 'user',
    ...(wanted.expiresAt === null ? {} : { expires_at: wanted.expiresAt.toISOString() }),
    created_at: createdAt,
    updated_at: createdAt,
    site_roles: [{ site_id: wanted.siteId, role: wanted.role }],
  };
  return { client, token };
}

export type ClientRevoked = 'revoked' | 'already_revoked' | 'unknown';

/** The token stops on every gateway within the bound that `grants` promises. */
export async function revokeClient(sql: Sql, id: string): Promise<ClientRevoked> {
  return sql.begin(async (tx): Promise<ClientRevoked> => {
    const [before] = await tx<{ secret_hash: string; revoked_at: Date | null }[]>`
      SELECT secret_hash, revoked_at FROM api_clients WHERE id::text = ${id.toLowerCase()} FOR UPDATE`;
    if (before === undefined) return 'unknown';
    if (before.revoked_at !== null) return 'already_revoked';
    const [after] = await tx<{ version: number }[]>`
      UPDATE api_clients SET revoked_at = now(), updated_at = now(), version = version + 1
      WHERE id::text = ${id.toLowerCase()} RETURNING version::int`;
    await publishRevocation(tx, {
      kind: 'client',
      subject: before.secret_hash,
      version: after?.version ?? 0,
    });
    return 'revoked';
  });
}
