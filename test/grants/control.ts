/** Teams, sites and clients of a test, written as an administrator's commands write them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import type { SiteRole } from '../../src/grants/grant.ts';
import { publishRevocation } from '../../src/grants/revocation/publish.ts';
import { createGrants, type GrantDeps, type Grants, type GrantValues } from '../../src/grants/resolve.ts';
import { createToken, hashToken } from '../../src/grants/token.ts';
import type { Sql, Transaction } from '../../src/store/connect.ts';

export interface Client {
  readonly id: string;
  readonly token: string;
  readonly tokenHash: string;
}

export function newToken(): string {
  return createToken(randomBytes(32));
}

export async function insertTeam(sql: Sql): Promise<string> {
  const id = randomUUID();
  await sql`INSERT INTO tenants (id, name) VALUES (${id}, 'team')`;
  return id;
}

export async function insertSite(sql: Sql, teamId: string): Promise<{ id: string; domain: string }> {
  const site = { id: randomUUID(), domain: `${randomBytes(6).toString('hex')}.example` };
  await sql`INSERT INTO sites (id, tenant_id, domain) VALUES (${site.id}, ${teamId}, ${site.domain})`;
  return site;
}

/** A team's client, or, without a team, a new user's. */
export async function insertClient(
  sql: Sql,
  owner: { readonly teamId: string | null; readonly expiresAt?: Date; readonly token?: string },
  roles: Readonly<Record<string, SiteRole>> = {},
): Promise<Client> {
  const { token = newToken(), teamId, expiresAt = null } = owner;
  const client = { id: randomUUID(), token, tokenHash: hashToken(token) };
  const userId = teamId === null ? await insertUser(sql) : null;
  await sql`
    INSERT INTO api_clients (id, user_id, tenant_id, name, secret_hash, expires_at)
    VALUES (${client.id}, ${userId}, ${teamId}, 'client', ${client.tokenHash}, ${expiresAt})`;
  for (const [siteId, role] of Object.entries(roles)) {
    await sql`
      INSERT INTO api_client_site_roles (id, api_client_id, site_id, role)
      VALUES (${randomUUID()}, ${client.id}, ${siteId}, ${role})`;
  }
  return client;
}

async function insertUser(sql: Sql): Promise<string> {
  const id = randomUUID();
  await sql`INSERT INTO users (id, email) VALUES (${id}, ${`${id}@example.com`})`;
  return id;
}

/** Revokes, or takes that back, and announces it. Returns the announcement's sequence number. */
export async function setRevoked(sql: Sql, client: Client, isRevoked: boolean): Promise<number> {
  return changeClient(sql, client, async (tx) => {
    await tx`
      UPDATE api_clients SET revoked_at = ${isRevoked ? new Date() : null} WHERE id = ${client.id}`;
  });
}

/** Any change of a client, with a new version, announced. */
export async function changeClient(
  sql: Sql,
  client: Client,
  change: (tx: Transaction) => Promise<unknown>,
): Promise<number> {
  return sql.begin(async (tx): Promise<number> => {
    await change(tx);
    const [row] = await tx<{ version: number }[]>`
      UPDATE api_clients SET version = version + 1 WHERE id = ${client.id} RETURNING version::int`;
    await publishRevocation(tx, { kind: 'client', subject: client.tokenHash, version: row?.version ?? 0 });
    const [log] = await tx<{ seq: number }[]>`SELECT max(seq)::int AS seq FROM revocation_log`;
    return log?.seq ?? 0;
  });
}

export async function announceSite(sql: Sql, domain: string): Promise<void> {
  await sql.begin((tx) => publishRevocation(tx, { kind: 'site', subject: domain, version: 1 }));
}

/** A gateway's grants, closed by `closeAll`. */
export interface Fleet {
  start(values: Partial<GrantValues>, deps: Pick<GrantDeps, 'sql'> & Partial<GrantDeps>): Promise<Grants>;
  readonly lines: readonly string[];
  closeAll(): Promise<void>;
}

export function createFleet(): Fleet {
  const running: Grants[] = [];
  const lines: string[] = [];
  return {
    lines,
    async start(values, deps) {
      const grants = await createGrants(
        { grantsMax: 1000, staleMaxMs: 30_000, pollMs: 100, nodeName: 'node', ...values },
        {
          redis: null,
          log: (level, fields, message) => lines.push(JSON.stringify({ level, fields, message })),
          ...deps,
        },
      );
      running.push(grants);
      return grants;
    },
    async closeAll() {
      await Promise.all(running.splice(0).map((grants) => grants.close()));
    },
  };
}

/** What the answer comes down to. */
export async function resolveKind(grants: Grants, token: string): Promise<string> {
  const verdict = await grants.resolve(token);
  return verdict.kind === 'denied' ? verdict.reason : verdict.kind;
}

/** Waits until it holds. The time is a deadline for a broken program, and no measure of a sound one. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(holds, { timeout: 20_000, interval: 10 });
}
