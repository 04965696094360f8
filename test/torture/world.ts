/** All that a run has: one Postgres, one Redis, gateways with a wire of their own to Postgres each, and a site. */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectPostgres, type Sql } from '../../src/store/connect.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';
import { startRedis, type RedisServer } from '../setup/redis.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { METRICS_TOKEN } from './strangers.ts';
import { createWire } from './wire.ts';

export interface World {
  readonly gateways: readonly Gateway[];
  readonly site: DemoSite;
  readonly postgres: Postgres;
  readonly redis: Redis;
  /** Stops everything and removes its files. */
  close(): Promise<void>;
}

export interface Postgres {
  pid(): number;
  /** Runs work on a connection of its own, past the wires. */
  ask<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** The signal to the server's first process, which is gone when this resolves. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Resolves when it takes connections again: a crashed one recovers first. */
  start(): Promise<void>;
}

export interface Redis {
  pid(): number | undefined;
  stop(): Promise<void>;
  start(): Promise<void>;
  flush(): Promise<void>;
}

export interface WorldValues {
  readonly gateways: number;
  /** Of each gateway; not set: one. */
  readonly processes?: number;
  /** Where the gateways' data directories are made. Not set: with the rest. */
  readonly gatewayDirectory?: string;
  /** More environment for the gateways. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Small and short, so that a run of seconds meets what takes minutes in production. */
const ENVIRONMENT = {
  SLUICE_ACK_WAIT: '2s',
  SLUICE_WRITE_TIMEOUT: '4s',
  SLUICE_STATEMENT_TIMEOUT: '2500ms',
  SLUICE_STOP_TIMEOUT: '3s',
  SLUICE_JOURNAL_SEGMENT_BYTES: '16MiB',
  SLUICE_SUMMARY_INTERVAL: '1s',
  SLUICE_METRICS_TOKEN: METRICS_TOKEN,
};

export async function createWorld(values: WorldValues): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-torture-'));
  await chmod(directory, 0o711);
  const { postgres, url, port, remove } = await startPostgres(join(directory, 'database'));
  const redis = await startOwnRedis();
  const site = await postgres.ask(async (sql) => {
    await migrate(sql);
    return createDemoSite(sql, 'torture.example.com');
  });
  const wires = await Promise.all(Array.from({ length: values.gateways }, () => createWire(port())));
  const { processes = 1 } = values;
  const gateways = wires.map((wire, index) =>
    createGateway(`gateway-${index + 1}`, values.gatewayDirectory ?? directory, wire, processes, {
      ...ENVIRONMENT,
      SLUICE_JOURNAL_MAX_BYTES: `${64 * processes}MiB`,
      ...values.environment,
      DATABASE_URL: url().replace(`:${port()}/`, `:${wire.port}/`),
      REDIS_URL: redis.url,
      SLUICE_NODE_NAME: `gateway-${index + 1}`,
    }),
  );
  await Promise.all(gateways.map((gateway) => gateway.start()));
  return {
    gateways,
    site,
    postgres: {
      ...postgres,
      async start() {
        await postgres.start();
        for (const wire of wires) wire.aim(port());
      },
    },
    redis,
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.stop('SIGKILL')));
      await Promise.all(wires.map((wire) => wire.close()));
      await redis.stop();
      await postgres.stop('SIGINT');
      await remove();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface OwnPostgres {
  readonly postgres: Postgres;
  readonly url: () => string;
  readonly port: () => number;
  readonly remove: () => Promise<void>;
}

async function startPostgres(directory: string): Promise<OwnPostgres> {
  await mkdir(directory, { mode: 0o711 });
  let server: EmbeddedPostgres = await startEmbeddedPostgres({ directory });
  return {
    url: () => server.url,
    port: () => server.port,
    async remove() {
      if (server.placed !== null) await rm(server.placed, { recursive: true, force: true });
    },
    postgres: {
      pid: () => server.pid,
      async ask(work) {
        const sql = connectPostgres({
          url: server.url,
          applicationName: 'torture',
          connectionsMax: 2,
          statementTimeoutMs: 0,
          lockTimeoutMs: 0,
        });
        try {
          return await work(sql);
        } finally {
          await sql.end({ timeout: 1 });
        }
      },
      async stop(signal) {
        if (!sendSignal(server.pid, signal)) return;
        while (sendSignal(server.pid, 0)) await sleep(20);
      },
      async start() {
        server = await startAgain(directory);
      },
    },
  };
}

/** What is left of a killed server keeps its memory for a moment, and no new one may start meanwhile. */
async function startAgain(directory: string): Promise<EmbeddedPostgres> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await startEmbeddedPostgres({ directory });
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

const START_TIMEOUT_MS = 60_000;

/** False: there is no such process. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function startOwnRedis(): Promise<Redis & { readonly url: string }> {
  let server: RedisServer = await startRedis();
  const { port, url } = server;
  return {
    url,
    pid: () => server.process.pid,
    stop: () => server.close(),
    async start() {
      server = await startRedis(port);
    },
    flush: () =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write('FLUSHALL\r\n'));
        socket.once('data', () => resolve(void socket.destroy()));
        socket.once('error', reject);
      }),
  };
}
