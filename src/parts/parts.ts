/** How each part is made from the settings. Whoever makes a part says, in the same line, how it is stopped. */
import { createAdmin, type Admin } from '../admin/admin.ts';
import type { Config } from '../config.ts';
import { createConsole, type Console } from '../console/console.ts';
import type { Counts } from '../console/sample.ts';
import { startLedgerWriter } from '../drain/ledger-writer.ts';
import { createLedger, type Ledger } from '../drain/ledger.ts';
import { createRedisTier } from '../grants/redis.ts';
import { createGrants, type Grants } from '../grants/resolve.ts';
import { durationBoundMs } from '../measure/durations.ts';
import { FRAME_BYTES_MAX } from '../journal/frame.ts';
import { openJournal, type Journal } from '../journal/journal.ts';
import { connectPostgres, type Sql } from '../store/connect.ts';
import { prepareSchema } from '../store/migrate.ts';
import { createStore, type Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { nameGateway, type JournalSpace, type Seat } from './seat.ts';

/** How each part is stopped, in the order of making; stopping runs backwards. */
export type Stops = (() => Promise<unknown> | void)[];

export async function stopAll(stops: Stops): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
}

export function makeSql(config: Config, url: string, connectionsMax: number, stops: Stops): Sql {
  const sql = connectPostgres({
    url,
    applicationName: 'sluice',
    connectionsMax,
    statementTimeoutMs: config.statementTimeoutMs,
    lockTimeoutMs: config.statementTimeoutMs,
  });
  stops.push(() => sql.end({ timeout: 1 }));
  return sql;
}

/** The pool for all that has none of its own, once the schema is what this release needs. */
export async function makeMigratedSql(
  config: Config,
  url: string,
  log: Log['write'],
  stops: Stops,
): Promise<Sql> {
  const sql = makeSql(config, url, config.connectionsMax, stops);
  await prepareSchema(sql, config.migratesAtStart, log);
  return sql;
}

export function makeStore(
  config: Config,
  url: string,
  sql: Sql,
  stops: Stops,
  onDuplicates: (clientId: string, rows: number) => void,
): Store {
  const openWriter = (): Sql =>
    connectPostgres({
      url,
      applicationName: 'sluice-writer',
      connectionsMax: 1,
      statementTimeoutMs: config.statementTimeoutMs,
      lockTimeoutMs: config.statementTimeoutMs,
    });
  const store = createStore({ writeTimeoutMs: config.writeTimeoutMs }, { sql, openWriter, onDuplicates });
  stops.push(() => store.close());
  return store;
}

/** Not closed by itself: how a journal is closed depends on whose it is. */
export function makeJournal(
  config: Config,
  { directory, bytesMax }: JournalSpace,
  log: Log['write'],
  open = openJournal,
): Promise<Journal> {
  const { segmentBytes, pendingBytesMax } = config;
  return open(
    { directory, segmentBytes, journalBytesMax: bytesMax, frameBytesMax: FRAME_BYTES_MAX, pendingBytesMax },
    { log },
  );
}

/** The accounts, kept with the journal's mark and brought to where they are read. */
export function makeLedger(
  nodeName: string,
  journal: Journal,
  sql: Sql,
  log: Log['write'],
  stops: Stops,
): Ledger {
  const ledger = createLedger(journal.recovered.note);
  journal.keepNote(() => ledger.print());
  const writer = startLedgerWriter({ flushMs: LEDGER_FLUSH_MS, nodeName }, { ledger, sql, log });
  stops.push(() => writer.close());
  return ledger;
}

const LEDGER_FLUSH_MS = 5000;

export async function makeGrants(
  config: Config,
  nodeName: string,
  sql: Sql,
  feedSql: Sql,
  log: Log['write'],
  stops: Stops,
): Promise<Grants> {
  const redis =
    config.redisUrl === null
      ? null
      : createRedisTier(
          {
            url: config.redisUrl,
            namespace: `sluice:${await readInstanceId(sql)}`,
            timeoutMs: config.redisTimeoutMs,
          },
          { log },
        );
  if (redis !== null) stops.push(() => redis.close());
  const grants = await createGrants(
    {
      grantsMax: config.grantsMax,
      staleMaxMs: config.grantStaleMs,
      pollMs: config.revocationPollMs,
      nodeName,
    },
    { sql, feedSql, redis, log },
  );
  stops.push(() => grants.close());
  return grants;
}

async function readInstanceId(sql: Sql): Promise<string> {
  const [instance] = await sql<{ id: string }[]>`SELECT id FROM instance`;
  if (instance === undefined) throw new Error('The table instance is empty: restore it from a backup.');
  return instance.id;
}

/** Connections of its own: people wait for each other, and never for look-ups of tokens, nor these for people. */
export async function makeAdmin(
  config: Config,
  url: string,
  grants: Grants,
  log: Log['write'],
  stops: Stops,
): Promise<Admin | null> {
  if (config.adminPort === 'off') return null;
  const sql = makeSql(config, url, ADMIN_CONNECTIONS_MAX, stops);
  const { adminEmail: email, adminPassword: password } = config;
  return createAdmin(
    {
      publicUrl: config.publicUrl ?? `http://localhost:${config.adminPort ?? config.port}`,
      secret: config.secret,
      sessionMs: config.sessionMs,
      githubKeysUrl: config.githubKeysUrl,
      firstUser: email === null || password === null ? null : { email, password },
      revocationBoundMs: config.grantStaleMs,
    },
    { sql, log, announce: grants.announce, readReceipt: grants.readReceipt },
  );
}

const ADMIN_CONNECTIONS_MAX = 4;

export function makeConsole(
  config: Config,
  admin: Admin,
  seat: Seat,
  readCounts: () => Counts,
  stops: Stops,
): Console {
  const page = createConsole(
    {
      gatewayName: nameGateway(config),
      recordsPort: typeof config.adminPort === 'number' ? config.port : null,
    },
    { make: admin.make, readAll: seat.share('counts', readCounts), waitBoundMs: durationBoundMs },
  );
  stops.push(() => page.close());
  return page;
}
