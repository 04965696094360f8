/**
 * Makes the parts in the order of a record's path, hands each its values, and stops them front first: no part is
 * stopped while another may still give it work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import type { Counts } from './console/sample.ts';
import { startDrain, type Drain } from './drain/drain.ts';
import type { Ledger } from './drain/ledger.ts';
import type { Grants } from './grants/resolve.ts';
import type { Route } from './http/request.ts';
import { startServer, type Server } from './http/server.ts';
import { createEarlierCounter } from './ingest/batch/duplicates.ts';
import type { Ingest } from './ingest/ingest.ts';
import { startUsage } from './ingest/counting/usage.ts';
import type { Journal, openJournal } from './journal/journal.ts';
import { tuneEngine } from './parts/engine.ts';
import { makeHousekeeping } from './parts/housekeeping.ts';
import { makeIngest } from './parts/ingest.ts';
import { adoptOrphans, type Orphans } from './parts/orphans.ts';
import {
  makeAdmin,
  makeConsole,
  makeGrants,
  makeJournal,
  makeLedger,
  makeSql,
  makeMigratedSql,
  makeStore,
  stopAll,
  type Stops,
} from './parts/parts.ts';
import { allotJournalSpace, ALONE, nameProcess, type Seat } from './parts/seat.ts';
import { placeRoutes, type Routes } from './parts/routes.ts';
import { makeMetrics, makeTracing } from './parts/telemetry.ts';
import type { Housekeeping } from './store/housekeeping/housekeeping.ts';
import type { Store } from './store/store.ts';
import { createHealthRoutes } from './telemetry/health.ts';
import type { Log } from './telemetry/log.ts';
import { startBacklogAge, type BacklogAge } from './telemetry/metrics/backlog-age.ts';
import type { GatewayStats } from './telemetry/metrics/stats.ts';
import { startSummary } from './telemetry/summary.ts';
import type { Tracing } from './telemetry/tracing/tracing.ts';

export interface Gateway {
  readonly port: number;
  /** Null: on the same port, or nowhere. */
  readonly adminPort: number | null;
  /** All that is served, on whatever port. */
  readonly routes: readonly Pick<Route, 'method' | 'path'>[];
  /** Everything that is counted, by part. */
  stats(): object;
  /** Stops the servers first, all within the configured time; what Postgres has not taken stays in the journal. */
  close(): Promise<void>;
}

export interface GatewayDeps {
  readonly databaseUrl: string;
  readonly log: Log;
  /** Not set: this process is all of the gateway. */
  readonly seat?: Seat;
  /** Called when the gateway cannot go on; the caller ends the process. */
  readonly onFatal: (error: unknown) => void;
  /** Of a bench that measures what waiting for the disk costs; nothing else has another journal. */
  readonly openJournal?: typeof openJournal;
}

/** Throws one sentence when a part cannot be made; the parts made before it are stopped again. */
export async function startGateway(config: Config, deps: GatewayDeps): Promise<Gateway> {
  tuneEngine();
  const stops: Stops = [];
  try {
    return await makeParts(config, deps, stops);
  } catch (error) {
    await stopAll(stops);
    throw error;
  }
}

async function makeParts(config: Config, deps: GatewayDeps, stops: Stops): Promise<Gateway> {
  const { seat = ALONE, databaseUrl, onFatal } = deps;
  const log = deps.log.write;
  const nodeName = nameProcess(config, seat);
  const tracing = await makeTracing(config, nodeName, log, stops);
  const sql = await makeMigratedSql(config, databaseUrl, log, stops);
  const usage = startUsage({ flushMs: USAGE_FLUSH_MS }, { sql, log });
  stops.push(() => usage.close());
  const journal = await makeJournal(config, allotJournalSpace(config, seat), log, deps.openJournal);
  stops.push(() => journal.close());
  const ledger = makeLedger(nodeName, journal, sql, log, stops);
  const store = makeStore(config, databaseUrl, sql, stops, (clientId, rows) => {
    usage.countDuplicates(clientId, rows);
    ledger.noteDuplicates(clientId, rows);
  });
  const drain = startDrain(
    { batchBytesMax: config.batchBytesMax },
    { journal, ledger, store, log, startSpan: tracing?.startWrite, onFatal },
  );
  stops.push(() => drain.close());
  const { countDuplicates } = usage;
  const orphans = await adoptOrphans(config, seat, { ...deps, sql, log, countDuplicates }, stops);
  const housekeeping = makeHousekeeping(config, sql, log, stops);
  const feedSql = makeSql(config, databaseUrl, 1, stops);
  const grants = await makeGrants(config, nodeName, sql, feedSql, log, stops);
  const backlogAge = startBacklogAge({ readMarks: () => journal.stats() });
  stops.push(() => backlogAge.close());
  const parts = { journal, ledger, drain, grants, store, housekeeping, backlogAge, orphans };
  const ingest = await makeIngest(
    config,
    { ...parts, usage, countEarlier: createEarlierCounter(sql) },
    log,
    stops,
  );
  const health = createHealthRoutes(parts);
  const admin = await makeAdmin(config, databaseUrl, grants, log, stops);
  const recordRoutes = [...ingest.routes, ...health.routes];
  const readParts = (): PartStats => collectStats(ingest, parts);
  const readStats = (): GatewayStats => ({
    http: servers.records.stats(),
    administration: servers.administration?.stats() ?? null,
    ...readParts(),
  });
  const readCounts = (): Counts => chooseCounts(readParts());
  const page = admin === null ? null : makeConsole(config, admin, seat, readCounts, stops);
  const metrics = await makeMetrics(config, seat, readStats, stops);
  const adminRoutes = [...(admin?.routes ?? []), ...(page?.routes ?? []), ...(metrics?.routes ?? [])];
  const routes = await placeRoutes(config, recordRoutes, adminRoutes);
  const servers = await startServers(config, deps, { routes, startSpan: tracing?.startRequest }, stops);
  const summary = startSummary({ intervalMs: config.summaryIntervalMs }, { log, ingest, ...parts });
  stops.push(() => summary.close());
  return {
    port: servers.records.port,
    adminPort: servers.administration?.port ?? null,
    routes: routes.all,
    stats: () => ({ ...readStats(), console: page?.stats() ?? null }),
    async close() {
      health.stopReadiness();
      const deadlineMs = await stopServers(config, servers);
      await journal.flush();
      await drain.settle(Math.max(0, deadlineMs - performance.now()));
      await stopAll(stops);
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
  { routes, startSpan }: { readonly routes: Routes; readonly startSpan: Tracing['startRequest'] | undefined },
  stops: Stops,
): Promise<Servers> {
  const { host, port, adminPort, trustedProxies, inFlightBytesMax } = config;
  const isPortShared = (deps.seat ?? ALONE).count > 1;
  const connectionsMax = config.httpConnectionsMax;
  const values = { host, trustedProxies, inFlightBytesMax, connectionsMax, isPortShared };
  const onFault = (error: unknown, requestId: string): void =>
    deps.log.write('error', { err: error, requestId }, 'a handler failed: this is a bug');
  const records = await startServer({ ...values, port }, { routes: routes.records, onFault, startSpan });
  stops.push(() => records.close());
  if (routes.administration === null) return { records, administration: null };
  const administration = await startServer(
    { ...values, port: Number(adminPort) },
    { routes: routes.administration, onFault, startSpan },
  );
  stops.push(() => administration.close());
  return { records, administration };
}

interface Parts {
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly drain: Drain;
  readonly grants: Grants;
  readonly store: Store;
  readonly housekeeping: Housekeeping;
  readonly backlogAge: BacklogAge;
  readonly orphans: Orphans;
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
    housekeeping: parts.housekeeping.stats(),
    grants: parts.grants.stats(),
    orphans: parts.orphans.stats(),
  };
}

/** What the console shows of it. */
function chooseCounts({ ingest, journal, drain, grants, store, orphans }: PartStats): Counts {
  return {
    kinds: ingest.kinds,
    refused: ingest.refused,
    waits: ingest.waits.counts,
    stored: store.rowsInserted + store.rowsDuplicate + orphans.rowsInserted + orphans.rowsDuplicate,
    quarantined: drain.rowsQuarantined + orphans.rowsQuarantined,
    waiting: journal.appended - journal.stored + orphans.waiting,
    journalBytes: journal.bytesOnDisk,
    hits: grants.hits + grants.negativeHits,
    misses: grants.misses,
    revocationLagMs: grants.revocationLagMs,
    trouble: drain.failures === 0 ? null : (drain.lastCause ?? 'unknown'),
  };
}

/**
 * Work as before, until those who send have turned away; no new work; answers for what is in flight. Returns when, by
 * `performance.now()`, the time for all of the stop is over: the rest of it is the drain's.
 */
async function stopServers(config: Config, servers: Servers): Promise<number> {
  const all = [servers.records, ...(servers.administration === null ? [] : [servers.administration])];
  for (const server of all) server.closeAfterAnswers();
  await sleep(config.stopDelayMs);
  const deadlineMs = performance.now() + config.stopTimeoutMs;
  for (const server of all) server.stopListening();
  await Promise.all(all.map((server) => server.settle(config.stopTimeoutMs)));
  for (const server of all) server.close();
  return deadlineMs;
}
