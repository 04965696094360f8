/**
 * Makes the parts in the order of a record's path, hands each its values, and stops them front first: no part is
 * stopped while another may still give it work.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { startDrain, type Drain } from './drain/drain.ts';
import { createRedisTier } from './grants/redis.ts';
import { createGrants, type Grants } from './grants/resolve.ts';
import { startServer, type Server } from './http/server.ts';
import { createCountries } from './ingest/country.ts';
import { createIngest } from './ingest/ingest.ts';
import { openJournal, type Journal } from './journal/journal.ts';
import { connectPostgres, type Sql } from './store/connect.ts';
import { latestSchemaVersion, migrate, readSchemaVersion } from './store/migrate.ts';
import { createStore, type Store } from './store/store.ts';
import { createHealthRoutes } from './telemetry/health.ts';
import type { Log } from './telemetry/log.ts';
import { startSummary } from './telemetry/summary.ts';

export interface Gateway {
  readonly port: number;
  /** Everything that is counted, by part. */
  stats(): object;
  /** Stops front first, within the configured time; what Postgres has not taken stays in the journal. */
  close(): Promise<void>;
}

export interface GatewayDeps {
  readonly databaseUrl: string;
  readonly log: Log;
  /** Called when the gateway cannot go on; the caller ends the process. */
  readonly onFatal: (error: unknown) => void;
}

/** How each part is stopped, in the order of making; stopping runs backwards. */
type Stops = (() => Promise<unknown> | void)[];

/** Throws one sentence when a part cannot be made; the parts made before it are stopped again. */
export async function startGateway(config: Config, deps: GatewayDeps): Promise<Gateway> {
  const stops: Stops = [];
  const closeAll = async (): Promise<void> => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  };
  try {
    return await makeParts(config, deps, stops, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function makeParts(
  config: Config,
  deps: GatewayDeps,
  stops: Stops,
  closeAll: () => Promise<void>,
): Promise<Gateway> {
  const log = deps.log.write;
  const sql = makeSql(config, deps.databaseUrl, config.connectionsMax, stops);
  await prepareSchema(config, sql, log);
  const store = makeStore(config, deps.databaseUrl, sql, stops);
  const journal = await openJournal(
    {
      directory: join(config.dataDirectory, 'journal'),
      segmentBytes: config.segmentBytes,
      journalBytesMax: config.journalBytesMax,
      frameBytesMax: FRAME_BYTES_MAX,
      pendingBytesMax: config.pendingBytesMax,
    },
    { log },
  );
  stops.push(() => journal.close());
  const drain = startDrain(
    { batchBytesMax: config.batchBytesMax },
    { journal, store, log, onFatal: deps.onFatal },
  );
  stops.push(() => drain.close());
  const feedSql = makeSql(config, deps.databaseUrl, 1, stops);
  const grants = await makeGrants(config, sql, feedSql, log, stops);
  const parts = { journal, drain, grants, store };
  const ingest = createIngest(
    {
      bodyBytesMax: config.bodyBytesMax,
      durability: config.durability,
      ackWaitMs: config.ackWaitMs,
      timePolicy: { pastMs: config.timePastMs, futureMs: config.timeFutureMs },
    },
    { ...parts, countryOf: createCountries() },
  );
  const health = createHealthRoutes(parts);
  const server = await startServer(
    { host: config.host, port: config.port, trustedProxies: config.trustedProxies },
    {
      routes: [...ingest.routes, ...health.routes],
      onFault: (error, requestId) =>
        log('error', { err: error, requestId }, 'a handler failed: this is a bug'),
    },
  );
  stops.push(() => server.close());
  const stats = (): object => collectStats(server, ingest, parts);
  const summary = startSummary({ intervalMs: config.summaryIntervalMs }, { log, ingest, ...parts });
  stops.push(() => summary.close());
  return {
    port: server.port,
    stats,
    async close() {
      health.stopReadiness();
      await stopFront(config, server, journal, drain);
      await closeAll();
    },
  };
}

/** A frame is what one flipped byte on the disk can cost, and what one sync writes at most. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

interface Parts {
  readonly journal: Journal;
  readonly drain: Drain;
  readonly grants: Grants;
  readonly store: Store;
}

function collectStats(server: Server, ingest: { stats(): object }, parts: Parts): object {
  return {
    http: server.stats(),
    ingest: ingest.stats(),
    journal: parts.journal.stats(),
    drain: parts.drain.stats(),
    store: parts.store.stats(),
    grants: parts.grants.stats(),
  };
}

/** No new work; answers for what is in flight; then as much of the journal into Postgres as the time allows. */
async function stopFront(config: Config, server: Server, journal: Journal, drain: Drain): Promise<void> {
  const deadline = performance.now() + config.stopTimeoutMs;
  const left = (): number => Math.max(0, deadline - performance.now());
  server.stopListening();
  await server.settle(left());
  server.close();
  await journal.flush();
  await drain.settle(left());
}

function makeSql(config: Config, url: string, connectionsMax: number, stops: Stops): Sql {
  const sql = connectPostgres({
    url,
    applicationName: 'sluice',
    connectionsMax,
    statementTimeoutMs: config.statementTimeoutMs,
    lockTimeoutMs: config.statementTimeoutMs,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  });
  stops.push(() => sql.end({ timeout: 1 }));
  return sql;
}

const CONNECT_TIMEOUT_MS = 5000;

async function prepareSchema(config: Config, sql: Sql, log: Log['write']): Promise<void> {
  if (config.migratesAtStart) {
    const applied = await migrate(sql);
    if (applied.length > 0) log('info', { applied }, 'the schema is up to date now');
    return;
  }
  const version = await readSchemaVersion(sql);
  const wanted = await latestSchemaVersion();
  if (version === wanted) return;
  throw new Error(
    `The schema is at version ${version}, this release needs ${wanted}: run 'sluice migrate' first.`,
  );
}

function makeStore(config: Config, url: string, sql: Sql, stops: Stops): Store {
  const openWriter = (): Sql =>
    connectPostgres({
      url,
      applicationName: 'sluice-writer',
      connectionsMax: 1,
      statementTimeoutMs: config.statementTimeoutMs,
      lockTimeoutMs: config.statementTimeoutMs,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
  const store = createStore({ writeTimeoutMs: config.writeTimeoutMs }, { sql, openWriter });
  stops.push(() => store.close());
  return store;
}

async function makeGrants(
  config: Config,
  sql: Sql,
  feedSql: Sql,
  log: Log['write'],
  stops: Stops,
): Promise<Grants> {
  const redis =
    config.redisUrl === null
      ? null
      : createRedisTier({ url: config.redisUrl, timeoutMs: config.redisTimeoutMs }, { log });
  if (redis !== null) stops.push(() => redis.close());
  const grants = await createGrants(
    {
      grantsMax: config.grantsMax,
      staleMaxMs: config.grantStaleMs,
      pollMs: config.revocationPollMs,
      nodeName: config.nodeName ?? `${hostname()}:${config.port}`,
    },
    { sql, feedSql, redis, log },
  );
  stops.push(() => grants.close());
  return grants;
}
