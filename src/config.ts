/**
 * Every setting: name, form, default, meaning. The only reader of the environment. A bad value stops the start,
 * with every problem listed at once; parts receive plain values and never see this file.
 */
import { resolve } from 'node:path';
import {
  KIB,
  MIB,
  optional,
  parseBytes,
  parseChoice,
  parseDuration,
  parseInteger,
  parseUrl,
  setting,
  type Setting,
} from './setting.ts';

export interface Config {
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly durability: 'journal' | 'postgres';
  readonly migratesAtStart: boolean;
  readonly bodyBytesMax: number;
  readonly ackWaitMs: number;
  readonly timePastMs: number;
  readonly timeFutureMs: number;
  readonly journalBytesMax: number;
  readonly segmentBytes: number;
  readonly pendingBytesMax: number;
  readonly batchBytesMax: number;
  readonly writeTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly connectionsMax: number;
  readonly grantsMax: number;
  readonly grantStaleMs: number;
  readonly revocationPollMs: number;
  readonly redisTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly summaryIntervalMs: number;
}

/** In the order in which they are printed. */
export const settings: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  databaseUrl: optional(
    'DATABASE_URL',
    'postgres://…',
    'Postgres to write to. Not set: an embedded one under the data directory, with a demo site.',
    parseUrl(/^postgres(ql)?:$/),
  ),
  redisUrl: optional(
    'REDIS_URL',
    'redis://… or rediss://…',
    'Second tier of the grant cache, shared by gateways. Not set: Postgres alone.',
    parseUrl(/^rediss?:$/),
  ),
  host: setting('SLUICE_HOST', 'address', '0.0.0.0', 'Address to listen on.', (value) => value),
  port: setting('PORT', '0 to 65535', '8080', 'Port to listen on. 0: any free one.', parseInteger(0, 65_535)),
  dataDirectory: setting(
    'SLUICE_DATA_DIR',
    'folder',
    '.sluice',
    'Holds the journal, and the embedded Postgres. One gateway per folder; on a disk that survives a restart.',
    (value) => resolve(value),
  ),
  durability: setting(
    'SLUICE_DURABILITY',
    'journal or postgres',
    'journal',
    'What a 202 has waited for: the record is on this disk, or it is committed in Postgres. A request can ask for either by Prefer: durability=….',
    parseChoice(['journal', 'postgres']),
  ),
  migratesAtStart: setting(
    'SLUICE_MIGRATE',
    'on or off',
    'on',
    'Whether serve brings the schema up to date first.',
    (value) => parseChoice(['on', 'off'])(value) === 'on',
  ),
  bodyBytesMax: setting(
    'SLUICE_BODY_MAX_BYTES',
    'size',
    '64KiB',
    'A larger body is answered with 413.',
    // Escaping may treble a record, and the largest must still fit a frame of the journal.
    parseBytes(1 * KIB, 1 * MIB),
  ),
  ackWaitMs: setting(
    'SLUICE_ACK_WAIT',
    'duration',
    '10s',
    'How long a request waits for its durability. Then: 503 when it is not on disk yet, 202 naming journal when only Postgres is late.',
    parseDuration(1),
  ),
  timePastMs: setting(
    'SLUICE_TIME_PAST',
    'duration',
    '20y',
    'A record older than this is answered with 400.',
    parseDuration(0),
  ),
  timeFutureMs: setting(
    'SLUICE_TIME_FUTURE',
    'duration',
    '1h',
    'A record further ahead than this is answered with 400.',
    parseDuration(0),
  ),
  journalBytesMax: setting(
    'SLUICE_JOURNAL_MAX_BYTES',
    'size',
    '4GiB',
    'Disk that the journal may use while Postgres is away. When it is spent: 503 until Postgres has caught up.',
    parseBytes(32 * MIB, 2 ** 50),
  ),
  segmentBytes: setting(
    'SLUICE_JOURNAL_SEGMENT_BYTES',
    'size',
    '32MiB',
    'Size of one journal file; at least two are kept.',
    parseBytes(16 * MIB, 1024 * MIB),
  ),
  pendingBytesMax: setting(
    'SLUICE_JOURNAL_PENDING_BYTES',
    'size',
    '64MiB',
    'Memory for records that wait for the disk. When it is full: 503.',
    parseBytes(8 * MIB, 4096 * MIB),
  ),
  batchBytesMax: setting(
    'SLUICE_BATCH_BYTES',
    'size',
    '4MiB',
    'How much is written to Postgres at once, at most.',
    parseBytes(64 * KIB, 256 * MIB),
  ),
  writeTimeoutMs: setting(
    'SLUICE_WRITE_TIMEOUT',
    'duration',
    '30s',
    'A write to Postgres without an answer for so long is tried again on a new connection.',
    parseDuration(100),
  ),
  statementTimeoutMs: setting(
    'SLUICE_STATEMENT_TIMEOUT',
    'duration',
    '20s',
    "Postgres' own limit for a statement of Sluice, lock waits included.",
    parseDuration(100),
  ),
  connectionsMax: setting(
    'SLUICE_DATABASE_CONNECTIONS',
    '2 to 100',
    '4',
    'Connections for look-ups and small statements; the writer, the revocation log and its listener have one each besides.',
    parseInteger(2, 100),
  ),
  grantsMax: setting(
    'SLUICE_GRANTS_MAX',
    '100 to 10000000',
    '100000',
    'Grants kept in memory (some 300 bytes each).',
    parseInteger(100, 10_000_000),
  ),
  grantStaleMs: setting(
    'SLUICE_GRANT_STALE',
    'duration',
    '30s',
    'How long a grant is believed when neither Postgres nor Redis can confirm it. Then: 503.',
    parseDuration(0),
  ),
  revocationPollMs: setting(
    'SLUICE_REVOCATION_POLL',
    'duration',
    '500ms',
    'How often the revocation log is read, whatever push has arrived.',
    parseDuration(50),
  ),
  redisTimeoutMs: setting(
    'SLUICE_REDIS_TIMEOUT',
    'duration',
    '50ms',
    'How long a look-up waits for Redis before it asks Postgres.',
    parseDuration(1),
  ),
  stopTimeoutMs: setting(
    'SLUICE_STOP_TIMEOUT',
    'duration',
    '15s',
    'How long a stop may take to answer what is in flight and empty the journal. What is left stays in the journal.',
    parseDuration(100),
  ),
  logLevel: setting(
    'SLUICE_LOG_LEVEL',
    'debug, info, warn or error',
    'info',
    'Least level that is logged.',
    parseChoice(['debug', 'info', 'warn', 'error']),
  ),
  summaryIntervalMs: setting(
    'SLUICE_SUMMARY_INTERVAL',
    'duration',
    '10s',
    'How often one line sums up the traffic, if there was any.',
    parseDuration(100),
  ),
};

/** What Kubernetes puts into every container of a namespace that has a service named sluice. */
const KUBERNETES = /^SLUICE_(\w+_)?(SERVICE|PORT)(_|$)/;

/** Reads the environment. Throws one Error whose message lists every bad value, one a line. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const entries = Object.entries(settings).map(([key, entry]: [string, Setting<unknown>]) => {
    const value = environment[entry.variable]?.trim() || entry.default;
    try {
      return [key, entry.parse(value)];
    } catch (error) {
      problems.push(`  ${entry.variable} ${error instanceof Error ? error.message : String(error)}`);
      return [key, null];
    }
  });
  const known = new Set(Object.values(settings).map((entry) => entry.variable));
  for (const name of Object.keys(environment)) {
    if (name.startsWith('SLUICE_') && !known.has(name) && !KUBERNETES.test(name)) {
      problems.push(`  ${name} is no setting of Sluice`);
    }
  }
  const config = Object.fromEntries(entries) as Config;
  if (config.journalBytesMax < 2 * config.segmentBytes) {
    problems.push('  SLUICE_JOURNAL_MAX_BYTES must be at least two times SLUICE_JOURNAL_SEGMENT_BYTES');
  }
  if (problems.length > 0) {
    throw new Error(
      `The settings have ${problems.length} problem(s):\n${problems.join('\n')}\n'sluice config' lists all settings.`,
    );
  }
  return config;
}
