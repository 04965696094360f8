/**
 * Makes the parts in the order of a record's path, hands each its values, and stops them front first: no part is
 * stopped while another may still give it work.
 */
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { Counts } from './console/sample.ts';
import { startDrain, type Drain } from './drain/drain.ts';
import type { Ledger } from './drain/ledger.ts';
import type { Grants } from './grants/resolve.ts';
import type { Route } from './http/request.ts';
import { startServer, type Server } from './http/server.ts';
import { createEarlierCounter } from './ingest/batch/duplicates.ts';
import type { Ingest } from './ingest/ingest.ts';
import { startUsage } from './ingest/usage.ts';
import { openJournal, type Journal } from './journal/journal.ts';
import { makeIngest } from './parts/ingest.ts';
import {
  makeAdmin,
  makeConsole,
  makeGrants,
  makeLedger,
  makeMetrics,
  makeSql,
  makeStore,
  prepareSchema,
  type Stops,
} from './parts/parts.ts';
import type { Store } from './store/store.ts';
import { createHealthRoutes } from './telemetry/health.ts';
import type { Log } from './telemetry/log.ts';
import { startBacklogAge, type BacklogAge } from './telemetry/metrics/backlog-age.ts';
import type { GatewayStats } from './telemetry/metrics/stats.ts';
import { startSummary } from './telemetry/summary.ts';

export interface Gateway {
  readonly port: number;
  /** Null: on the same port, or nowhere. */
  readonly adminPort: number | null;
  /** All that is served, on whatever port. */
  readonly routes: readonly Pick<Route, 'method' | 'path'>[];
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
  /** Of a bench that measures what waiting for the disk costs; nothing else has another journal. */
  readonly openJournal?: typeof openJournal;
}

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
  const usage = startUsage({ flushMs: USAGE_FLUSH_MS }, { sql, log });
  stops.push(() => usage.close());
  const journal = await (deps.openJournal ?? openJournal)(
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
  const ledger = makeLedger(config, journal, sql, log, stops);
  const store = makeStore(config, deps.databaseUrl, sql, stops, (clientId, rows) => {
    usage.countDuplicates(clientId, rows);
    ledger.noteDuplicates(clientId, rows);
  });
  const drain = startDrain(
    { batchBytesMax: config.batchBytesMax },
    { journal, ledger, store, log, onFatal: deps.onFatal },
  );
  stops.push(() => drain.close());
  const feedSql = makeSql(config, deps.databaseUrl, 1, stops);
  const grants = await makeGrants(config, sql, feedSql, log, stops);
  const backlogAge = startBacklogAge({ readMarks: () => journal.stats() });
  stops.push(() => backlogAge.close());
  const parts = { journal, ledger, drain, grants, store, backlogAge };
  const ingest = await makeIngest(
    config,
    { ...parts, usage, countEarlier: createEarlierCounter(sql) },
    log,
    stops,
  );
  const health = createHealthRoutes(parts);
  const admin = await makeAdmin(config, deps.databaseUrl, grants, log, stops);
  const recordRoutes = [...ingest.routes, ...health.routes];
  const readParts = (): PartStats => collectStats(ingest, parts);
  const readStats = (): GatewayStats => ({
    http: servers.records.stats(),
    administration: servers.administration?.stats() ?? null,
    ...readParts(),
  });
  const readCounts = (): Counts => chooseCounts(readParts());
  const page = admin === null ? null : await makeConsole(config, admin, readCounts, stops);
  const metrics = await makeMetrics(config, readStats, stops);
  const adminRoutes = [...(admin?.routes ?? []), ...(page?.routes ?? []), ...(metrics?.routes ?? [])];
  const servers = await startServers(config, deps, recordRoutes, adminRoutes, stops);
  const summary = startSummary({ intervalMs: config.summaryIntervalMs }, { log, ingest, ...parts });
  stops.push(() => summary.close());
  return {
    port: servers.records.port,
    adminPort: servers.administration?.port ?? null,
    routes: [...recordRoutes, ...adminRoutes].map(({ method, path }) => ({ method, path })),
    stats: () => ({ ...readStats(), console: page?.stats() ?? null }),
    async close() {
      health.stopReadiness();
      await stopFront(config, servers, journal, drain);
      await closeAll();
    },
  };
}

const USAGE_FLUSH_MS = 10_000;

interface Servers {
  readonly records: Server;
  /** Null: the administration has no port of its own. */
  readonly administration: Server | null;
}

async function startServers(
  config: Config,
  deps: GatewayDeps,
  routes: readonly Route[],
  adminRoutes: readonly Route[],
  stops: Stops,
): Promise<Servers> {
  const { host, port, adminPort, trustedProxies, inFlightBytesMax } = config;
  const values = { host, trustedProxies, inFlightBytesMax, connectionsMax: config.httpConnectionsMax };
  const onFault = (error: unknown, requestId: string): void =>
    deps.log.write('error', { err: error, requestId }, 'a handler failed: this is a bug');
  const isShared = typeof adminPort !== 'number';
  const records = await startServer(
    { ...values, port },
    { routes: isShared ? [...routes, ...adminRoutes] : routes, onFault },
  );
  stops.push(() => records.close());
  if (isShared) return { records, administration: null };
  const administration = await startServer({ ...values, port: adminPort }, { routes: adminRoutes, onFault });
  stops.push(() => administration.close());
  return { records, administration };
}

/** A frame is what one flipped byte on the disk can cost, and what one sync writes at most. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

interface Parts {
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly drain: Drain;
  readonly grants: Grants;
  readonly store: Store;
  readonly backlogAge: BacklogAge;
}

/** What is counted behind the front, which is made last. */
type PartStats = Omit<GatewayStats, 'http' | 'administration'>;

function collectStats(ingest: Pick<Ingest, 'stats'>, parts: Parts): PartStats {
  return {
    ingest: ingest.stats(),
    journal: parts.journal.stats(),
    backlogAgeMs: parts.backlogAge.readMs(),
    drain: parts.drain.stats(),
    store: parts.store.stats(),
    grants: parts.grants.stats(),
  };
}

/** What the console shows of it. */
function chooseCounts({ ingest, journal, drain, grants, store }: PartStats): Counts {
  return {
    kinds: ingest.kinds,
    refused: ingest.refused,
    waits: ingest.waits.counts,
    stored: store.rowsInserted + store.rowsDuplicate,
    quarantined: drain.rowsQuarantined,
    waiting: journal.appended - journal.stored,
    journalBytes: journal.bytesOnDisk,
    hits: grants.hits + grants.negativeHits,
    misses: grants.misses,
    revocationLagMs: grants.revocationLagMs,
    trouble: drain.failures === 0 ? null : (drain.lastCause ?? 'unknown'),
  };
}

/** No new work; answers for what is in flight; then as much of the journal into Postgres as the time allows. */
async function stopFront(config: Config, servers: Servers, journal: Journal, drain: Drain): Promise<void> {
  const deadline = performance.now() + config.stopTimeoutMs;
  const left = (): number => Math.max(0, deadline - performance.now());
  const fronts = [servers.records, ...(servers.administration === null ? [] : [servers.administration])];
  for (const server of fronts) server.stopListening();
  await Promise.all(fronts.map((server) => server.settle(left())));
  for (const server of fronts) server.close();
  await journal.flush();
  await drain.settle(left());
}
