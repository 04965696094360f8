/** What a bench needs around it: a Postgres of its own in a folder of its own, with the schema, a site and clients. */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectPostgres, type Sql } from '../src/store/connect.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../src/store/embedded.ts';
import { migrate } from '../src/store/migrate.ts';
import { createToken, hashToken } from '../src/grants/token.ts';
import { createDemoSite } from '../test/setup/gateway.ts';

export interface World {
  readonly directory: string;
  readonly postgres: EmbeddedPostgres;
  readonly sql: Sql;
  close(): Promise<void>;
}

/** `statementTimeoutMs`: of the bench's own questions; 0 = none. */
export async function openWorld(statementTimeoutMs = 0): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  // The server runs as another user.
  await chmod(directory, 0o711);
  const postgres = await startEmbeddedPostgres({ directory });
  const sql = connectBench(postgres.url, 1, statementTimeoutMs);
  // A checkpoint in the middle of one variant's turn would be charged to that variant.
  for (const setting of ["max_wal_size = '16GB'", "min_wal_size = '2GB'", "checkpoint_timeout = '1h'"])
    await sql.unsafe(`ALTER SYSTEM SET ${setting}`);
  await sql`SELECT pg_reload_conf()`;
  await migrate(sql);
  return {
    directory,
    postgres,
    sql,
    async close() {
      await sql.end({ timeout: 1 });
      await postgres.close();
      if (postgres.placed !== null) await rm(postgres.placed, { recursive: true, force: true });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function connectBench(url: string, connectionsMax: number, statementTimeoutMs = 0): Sql {
  return connectPostgres({
    url,
    applicationName: 'sluice-bench',
    connectionsMax,
    statementTimeoutMs,
    lockTimeoutMs: 0,
    connectTimeoutMs: 5000,
  });
}

export interface Senders {
  readonly siteId: string;
  readonly domain: string;
  readonly tokens: readonly string[];
  /** Of the same clients. */
  readonly clientIds: readonly string[];
}

const CLIENTS_AT_ONCE = 10_000;

/** A site, and so many clients of its team that may write to it, made behind the administration's back: in seconds. */
export async function createSenders(sql: Sql, domain: string, clients: number): Promise<Senders> {
  const { siteId } = await createDemoSite(sql, domain);
  const tokens = Array.from({ length: clients }, () => createToken(randomBytes(32)));
  const clientIds = tokens.map(() => randomUUID());
  for (let from = 0; from < clients; from += CLIENTS_AT_ONCE) {
    const hashes = tokens.slice(from, from + CLIENTS_AT_ONCE).map(hashToken);
    const ids = clientIds.slice(from, from + CLIENTS_AT_ONCE);
    await sql`
      WITH made AS (
        INSERT INTO api_clients (id, tenant_id, name, secret_hash)
        SELECT made.id, sites.tenant_id, 'bench', made.hash
        FROM sites, unnest(${ids}::uuid[], ${hashes}::text[]) AS made (id, hash) WHERE sites.id = ${siteId}
        RETURNING id
      )
      INSERT INTO api_client_site_roles (id, api_client_id, site_id, role)
      SELECT gen_random_uuid(), made.id, ${siteId}, 'admin' FROM made`;
  }
  // What autovacuum would have done by the time that so many clients are there.
  await sql`ANALYZE api_clients, api_client_site_roles`;
  return { siteId, domain, tokens, clientIds };
}
