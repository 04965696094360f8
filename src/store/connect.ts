/** Connections to Postgres. The only importer of postgres.js: everybody else receives a `Sql`. */
import type net from 'node:net';
import postgres from 'postgres';
import { answered } from './connection/answers.ts';
import { arrayTypes } from './connection/arrays.ts';
import { createSockets, type SocketTarget } from './connection/sockets.ts';
import { survivable, type Begin } from './connection/transaction.ts';

/** The library's `reserve` waits for ever on a connection that has not asked for types (see `arrayTypes`): `begin` serves. */
export interface Sql extends postgres.Sql {
  readonly reserve: never;
}
export type Transaction = postgres.TransactionSql;

const CONNECT_TIMEOUT_MS = 5000;

export interface ConnectValues {
  /** postgres://user:password@host:port/database?sslmode=…; several hosts are tried in turn. */
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** A statement that runs longer is cancelled by the server. 0 = no limit. */
  readonly statementTimeoutMs: number;
  /** Not set: 5 s. */
  readonly connectTimeoutMs?: number;
  /** A statement that waits longer for a lock fails, and can be tried again. 0 = no limit. */
  readonly lockTimeoutMs: number;
}

/** Opens a pool; connections are made when first needed, so this never fails by itself. */
export function connectPostgres(values: ConnectValues): Sql {
  const sockets = createSockets();
  // `socket` is in the library's documentation, but not in its types.
  const options: postgres.Options<typeof arrayTypes> & { socket: (target: SocketTarget) => net.Socket } = {
    max: values.connectionsMax,
    connect_timeout: (values.connectTimeoutMs ?? CONNECT_TIMEOUT_MS) / 1000,
    idle_timeout: 0,
    max_lifetime: null,
    keep_alive: 15,
    // A gateway that waits longer between attempts is slower to come back than the database.
    backoff: (attempt: number) => Math.min(1, 0.05 * 2 ** attempt),
    onnotice: ignoreNotice,
    // The library would ask each new connection for the array types, and nobody hears it when that fails: a cut at
    // that moment would end the process. So the ones that are used are told.
    fetch_types: false,
    types: arrayTypes,
    connection: {
      application_name: values.applicationName,
      statement_timeout: values.statementTimeoutMs,
      lock_timeout: values.lockTimeoutMs,
      // A commit that Postgres may forget when it crashes is none: the journal lets go of what is committed, and of a
      // revocation nobody is told twice. A server that is tuned for speed has it off.
      synchronous_commit: 'on',
      // Text columns, sort orders and dates must not depend on the server's locale settings.
      DateStyle: 'ISO',
      TimeZone: 'UTC',
    },
    socket: (target) => sockets.open(target),
  };
  const pool = postgres(values.url, options);
  const end = pool.end.bind(pool);
  const made = Object.assign(pool, {
    begin: survivable(pool.begin.bind(pool) as unknown as Begin),
    async end(how?: { readonly timeout?: number }) {
      if (how?.timeout === 0) sockets.destroy();
      await end(how);
      sockets.destroy();
    },
  });
  return answered(made) as unknown as Sql;
}

/** The server's SQLSTATE, or null when the error did not come from the server. */
export function readSqlstate(error: unknown): string | null {
  return error instanceof postgres.PostgresError ? error.code : null;
}

/** One line for a log: code and message. Never the query's parameters: they may hold what senders sent. */
export function describeError(error: unknown): string {
  if (error instanceof postgres.PostgresError) return `${error.code} ${error.message}`;
  if (error instanceof Error && 'code' in error) return `${String(error.code)} ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Whether an error says that Postgres is away or busy, not that a statement is wrong: lost and refused connections,
 * shutdown, cancelled and timed out statements, lock waits, serialization failures, exhausted resources.
 */
export function isOutage(error: unknown): boolean {
  const sqlstate = readSqlstate(error);
  if (sqlstate !== null) return /^(08|40|53|57|58|55P03|25006)/.test(sqlstate);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(CONNECTION_|CONNECT_TIMEOUT|E[A-Z]+$)/.test(code);
}

function ignoreNotice(): void {
  // 'relation already exists, skipping' and the like: expected, and not worth a line.
}
