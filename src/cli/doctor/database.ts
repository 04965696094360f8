/** What doctor looks at in Postgres and Redis. Reads only. */
import { listLedgers } from '../../admin/clients/usage.ts';
import type { Config } from '../../config.ts';
import { pingRedis } from '../../grants/ping.ts';
import type { Sql } from '../../store/connect.ts';
import { latestSchemaVersion, readSchemaVersion } from '../../store/migrate.ts';
import { error, ok, warning, type Finding } from './finding.ts';
import { checkTables } from './tables.ts';

const VERSION_MIN = 140_000;
const CLOCK_MS_MAX = 2000;
const REDIS_MS = 2000;

export async function checkPostgres(sql: Sql): Promise<readonly Finding[]> {
  const before = Date.now();
  const [server] = await sql<{ version: number; name: string; now_ms: number; read_only: string }[]>`
    SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
           extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms,
           current_setting('transaction_read_only') AS read_only`;
  const after = Date.now();
  if (server === undefined) return [error('Postgres', 'It does not answer as Postgres does.')];
  const skewMs = Math.round(Math.max(before - server.now_ms, server.now_ms - after, 0));
  return [
    server.version < VERSION_MIN
      ? error('Postgres', `Version ${server.name} is older than 14, which is the oldest that is supported.`)
      : ok('Postgres', `version ${server.name}`),
    server.read_only === 'on'
      ? error(
          'Postgres',
          'It takes no rows: it is a standby, or read-only. Point DATABASE_URL at the primary.',
        )
      : ok('Postgres', 'takes rows'),
    skewMs > CLOCK_MS_MAX
      ? warning('clock', `This machine and Postgres are ${skewMs} ms apart: run NTP on both.`)
      : ok('clock', 'within 2 s of Postgres'),
  ];
}

export async function checkSchema(sql: Sql, config: Config): Promise<readonly Finding[]> {
  const [version, latest] = [await readSchemaVersion(sql), await latestSchemaVersion()];
  if (version < latest)
    return [error('schema', `At version ${version}; this release needs ${latest}: run 'sluice migrate'.`)];
  if (version > latest)
    return [error('schema', `At version ${version}, of a newer release: this one knows ${latest}.`)];
  return [ok('schema', `version ${version}`), ...(await checkTables(sql, config)), ...(await checkKept(sql))];
}

async function checkKept(sql: Sql): Promise<readonly Finding[]> {
  const [kept] = await sql<{ lines: number; rows: number }[]>`
    SELECT (SELECT count(*)::int FROM unread_lines) AS lines, (SELECT count(*)::int FROM quarantine) AS rows`;
  const count = (kept?.lines ?? 0) + (kept?.rows ?? 0);
  const advice = "'sluice quarantine list' says why, 'sluice quarantine retry' tries again.";
  return [
    count === 0
      ? ok('quarantine', 'empty')
      : warning('quarantine', `${kept?.lines} line(s) of logs and ${kept?.rows} row(s): ${advice}`),
    ...(await checkLedgers(sql)),
  ];
}

async function checkLedgers(sql: Sql): Promise<readonly Finding[]> {
  const ledgers = await listLedgers(sql);
  const wrong = ledgers.filter((ledger) => !ledger.isBalanced);
  const received = ledgers.reduce((sum, ledger) => sum + ledger.received, 0);
  return [
    ...wrong.map(({ clientId, name }) =>
      error(
        'accounts',
        `Client ${clientId} on ${name}: what it sent is not what became of it. This is a bug.`,
      ),
    ),
    ...(wrong.length > 0
      ? []
      : [ok('accounts', `${ledgers.length} balanced, ${received} record(s) received in all`)]),
  ];
}

export async function checkRedis(url: string | null): Promise<Finding> {
  if (url === null) return ok('Redis', 'not used');
  const fault = await pingRedis(url, REDIS_MS);
  return fault === null
    ? ok('Redis', 'answers')
    : warning('Redis', `It does not answer (${fault}): tokens come from Postgres, slower, never wrong.`);
}
