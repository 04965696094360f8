/**
 * Connections to Postgres. The only importer of postgres.js: everybody else receives a `Sql`.
 *
 * Every socket has TCP_NODELAY. postgres.js never sets it, and COPY, which sends several small messages,
 * then waits for the peer's delayed acknowledgement: some 44 ms a batch.
 */
import net from 'node:net';
import postgres from 'postgres';

/** The library's `reserve` waits for ever on a connection that has not asked for types (see `arrayTypes`): `begin` serves. */
export interface Sql extends postgres.Sql {
  readonly reserve: never;
}
export type Transaction = postgres.TransactionSql;

export interface ConnectValues {
  /** postgres://user:password@host:port/database?sslmode=…; several hosts are tried in turn. */
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** A statement that runs longer is cancelled by the server. 0 = no limit. */
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** A statement that waits longer for a lock fails, and can be tried again. 0 = no limit. */
  readonly lockTimeoutMs: number;
}

/** text[], uuid[], bigint[] and double precision[], by their numbers in Postgres. */
const arrayTypes = {
  texts: arrayType(1009),
  uuids: arrayType(2951),
  bigints: arrayType(1016),
  doubles: arrayType(1022),
};

function arrayType(oid: number) {
  return { to: oid, from: [oid], serialize: printArray, parse: parseArray };
}

/** As Postgres reads arrays: every element in quotes, whatever its type. */
function printArray(values: readonly (string | number | bigint | null)[]): string {
  const elements = values.map((value) =>
    value === null ? 'NULL' : `"${String(value).replaceAll(/["\\\\]/g, '\\$&')}"`,
  );
  return `{${elements.join(',')}}`;
}

/** Elements as texts; of one dimension. */
function parseArray(text: string): (string | null)[] {
  return [...text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/gs, '$1');
    return bare === 'NULL' ? null : (bare ?? '');
  });
}

/** Opens a pool; connections are made when first needed, so this never fails by itself. */
export function connectPostgres(values: ConnectValues): Sql {
  // `socket` is in the library's documentation, but not in its types.
  const options: postgres.Options<typeof arrayTypes> & { socket: typeof openSocket } = {
    max: values.connectionsMax,
    connect_timeout: values.connectTimeoutMs / 1000,
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
    socket: openSocket,
  };
  const pool = postgres(values.url, options);
  return Object.assign(pool, {
    begin: survivable(pool.begin.bind(pool) as unknown as Begin),
  }) as unknown as Sql;
}

type Work = (tx: Transaction) => unknown;
type Begin = (options: string, work: Work) => Promise<unknown>;

/**
 * When a connection is lost in a transaction, the library's `begin` rejects, and then sends ROLLBACK to a socket that
 * is gone, which ends the process. So the work is not heard to fail then: there is nothing left to roll back.
 */
function survivable(begin: Begin) {
  return (options: string | Work, work?: Work): Promise<unknown> => {
    const run = typeof options === 'string' ? work : options;
    if (run === undefined) throw new TypeError('begin needs something to do');
    return begin(typeof options === 'string' ? options : '', async (tx) => {
      try {
        return await run(tx);
      } catch (error) {
        return isConnectionLost(error) ? new Promise<never>(() => undefined) : Promise.reject(error);
      }
    });
  };
}

/** Of the library, and of its socket. Work in a transaction speaks to nobody else, so they are this connection's. */
const LOST: ReadonlySet<string> = new Set([
  ...['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED'],
  ...['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT'],
]);

function isConnectionLost(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return LOST.has(code);
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

interface SocketTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false;
}

let attempt = 0;

/**
 * Returns a socket that is still connecting: postgres.js queues its first message on it, and sees a failure
 * as the socket's own 'error' and 'close'. (A promise that rejects would leave its pool slot stuck for ever.)
 */
function openSocket(target: SocketTarget): net.Socket {
  if (typeof target.path === 'string') return net.connect(target.path);
  const index = attempt++ % target.host.length;
  const host = target.host[index] ?? '127.0.0.1';
  const socket = net.connect({ host, port: target.port[index] ?? 5432, noDelay: true });
  // postgres.js reads `host` for the TLS server name.
  return Object.assign(socket, { host });
}
