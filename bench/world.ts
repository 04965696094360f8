/** What a bench needs around it: a Postgres of its own in a folder of its own, with the schema, a site and clients. */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { connectPostgres, type Sql } from '../src/store/connect.ts';
import { copyIn } from '../src/store/copy.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../src/store/embedded.ts';
import { migrate } from '../src/store/migrate.ts';
import { hashToken } from '../src/grants/token.ts';
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

/** Runs work in a world that is there for it alone. */
export async function withWorld<T>(work: (world: World) => Promise<T>, statementTimeoutMs = 0): Promise<T> {
  const world = await openWorld(statementTimeoutMs);
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}

export function connectBench(url: string, connectionsMax: number, statementTimeoutMs = 0): Sql {
  return connectPostgres({
    url,
    applicationName: 'sluice-bench',
    connectionsMax,
    statementTimeoutMs,
    lockTimeoutMs: 0,
  });
}

export interface Senders {
  readonly siteId: string;
  readonly domain: string;
  readonly tokens: readonly string[];
  /** Of the same clients. */
  readonly clientIds: readonly string[];
}

const CLIENTS_AT_ONCE = 100_000;

/**
 * A site, and so many clients of its team that may write to it, made behind the administration's back: a million in half a
 * minute. References are right by construction, and not looked up again.
 */
export async function createSenders(sql: Sql, domain: string, clients: number): Promise<Senders> {
  const { siteId } = await createDemoSite(sql, domain);
  const [site] = await sql<
    { tenantId: string }[]
  >`SELECT tenant_id AS "tenantId" FROM sites WHERE id = ${siteId}`;
  const tokens: string[] = [];
  const clientIds: string[] = [];
  while (tokens.length < clients) {
    const made = Array.from({ length: Math.min(CLIENTS_AT_ONCE, clients - tokens.length) }, (_, index) => ({
      token: makeToken(),
      id: makeClientId(tokens.length + index),
    }));
    const clientRows = made.map(({ token, id }) => `${id}\t${site?.tenantId}\tbench\t${hashToken(token)}\n`);
    const roleRows = made.map(({ id }) => `${id}\t${id}\t${siteId}\tadmin\n`);
    await sql.begin(async (tx) => {
      await tx`SET LOCAL session_replication_role = replica`;
      await copyIn(tx, 'COPY api_clients (id, tenant_id, name, secret_hash) FROM STDIN', textOf(clientRows));
      const roles = 'COPY api_client_site_roles (id, api_client_id, site_id, role) FROM STDIN';
      await copyIn(tx, roles, textOf(roleRows));
    });
    for (const { token, id } of made) {
      tokens.push(token);
      clientIds.push(id);
    }
  }
  // What autovacuum would have done by the time that so many clients are there.
  await sql`ANALYZE api_clients, api_client_site_roles`;
  return { siteId, domain, tokens, clientIds };
}

function textOf(rows: readonly string[]): Buffer {
  return Buffer.from(rows.join(''));
}

/** As Sluice makes them, but of fewer random digits: a tenth of the time. */
function makeToken(): string {
  const body = `slc_${randomBytes(22).toString('hex').slice(1)}`;
  let digits = '';
  for (let rest = crc32(body); digits.length < 6; rest = Math.floor(rest / 62))
    digits = DIGITS.charAt(rest % 62) + digits;
  return body + digits;
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** In order, so that new rows lie together in the index. */
function makeClientId(index: number): string {
  const place = index.toString(16).padStart(8, '0');
  return `${place}-${randomUUID().slice(9)}`;
}
