/**
 * One variant of the server, in a process of its own: `node bench/server.ts <variant>`. Prints {"port": n} when it
 * listens; stops on SIGTERM.
 *
 *   durable      the gateway as it is
 *   unjournaled  the same gateway, answering as if every record were on disk already
 *   bare         the HTTP library alone: reads the body, answers 202
 */
import { readConfig, type Config } from '../src/config.ts';
import { createGrants } from '../src/grants/resolve.ts';
import { startServer, type Server } from '../src/http/server.ts';
import { createCountries } from '../src/ingest/enrich/country.ts';
import { createLedger } from '../src/drain/ledger.ts';
import { createLimiter } from '../src/ingest/limiter.ts';
import { startUsage } from '../src/ingest/usage.ts';
import { createIngest } from '../src/ingest/ingest.ts';
import type { Journal } from '../src/journal/journal.ts';
import { startGateway } from '../src/main.ts';
import { connectPostgres } from '../src/store/connect.ts';
import { createLog } from '../src/telemetry/log.ts';
import { startBare } from './bare.ts';

const NO_LIMITS = { requestsPerSecond: null, recordsPerSecond: null, bytesPerSecond: null, burstSeconds: 1 };

interface Running {
  readonly port: number;
  close(): Promise<void> | void;
}

const config = readConfig();
const log = createLog('warn');
const variants: Readonly<Record<string, () => Promise<Running>>> = {
  durable: () =>
    startGateway(config, {
      databaseUrl: config.databaseUrl ?? '',
      log,
      onFatal: (error) => {
        throw error;
      },
    }),
  unjournaled: () => startUnjournaled(config),
  bare: () => startBare(),
};

const start = variants[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`which variant? ${Object.keys(variants).join(', ')}`);
const running = await start();
process.stdout.write(`${JSON.stringify({ port: running.port })}\n`);
process.on('SIGTERM', () => {
  void Promise.resolve(running.close()).then(() => process.exit(0));
});

async function startUnjournaled(values: Config): Promise<Running> {
  const sql = connectPostgres({
    url: values.databaseUrl ?? '',
    applicationName: 'sluice-bench',
    connectionsMax: 2,
    statementTimeoutMs: 20_000,
    lockTimeoutMs: 0,
    connectTimeoutMs: 5000,
  });
  const grants = await createGrants(
    {
      grantsMax: values.grantsMax,
      staleMaxMs: values.grantStaleMs,
      pollMs: values.revocationPollMs,
      nodeName: 'bench',
    },
    { sql, redis: null, log: log.write },
  );
  const ingest = createIngest(
    {
      bodyBytesMax: values.bodyBytesMax,
      limits: {
        sentBytesMax: values.requestBytesMax,
        bytesMax: values.decompressedBytesMax,
        ratioMax: values.compressionRatioMax,
      },
      recordsMax: values.recordsMax,
      durability: 'journal',
      ackWaitMs: values.ackWaitMs,
      timePolicy: { pastMs: values.timePastMs, futureMs: values.timeFutureMs },
      vendors: values,
    },
    {
      grants,
      journal: createForgetful(),
      ledger: createLedger('', 0),
      usage: startUsage({ flushMs: 10_000 }, { sql, log: log.write }),
      countryOf: createCountries(),
      isVerified: () => null,
      limiter: createLimiter({ clientLimits: NO_LIMITS, unknownTokensPerMinute: 0 }),
      countEarlier: async () => null,
      secondsUntilRoom: () => 1,
    },
  );
  const server: Server = await startServer(
    {
      host: '127.0.0.1',
      port: 0,
      trustedProxies: [],
      inFlightBytesMax: values.inFlightBytesMax,
      connectionsMax: values.httpConnectionsMax,
      isPortShared: false,
    },
    {
      routes: ingest.routes,
      onFault: (error) => {
        throw error;
      },
    },
  );
  return { port: server.port, close: () => server.close() };
}

/** A journal that keeps nothing and has synced everything: only for measuring what the real one costs. */
function createForgetful(): Journal {
  let sequence = 0;
  const synced = Promise.resolve('synced' as const);
  const unused = (): never => {
    throw new Error('the bench does not use this');
  };
  return {
    append: () => ({ kind: 'appended', sequence: ++sequence }),
    refusal: () => null,
    recovered: { note: '', entries: 0, lastSequence: 0 },
    keepNote: () => undefined,
    synced: () => synced,
    stored: unused,
    read: unused,
    advanceStored: unused,
    flush: unused,
    stopReading: unused,
    stats: unused,
    close: unused,
  };
}
