/** Makes the housekeeping from the settings: what is kept, and how long. */
import { KEY_HOURS } from '../admin/clients/token.ts';
import type { Config } from '../config.ts';
import { listKeptTables } from '../config/retention.ts';
import type { Sql } from '../store/connect.ts';
import { startHousekeeping, type Housekeeping } from '../store/housekeeping/housekeeping.ts';
import type { RowRule } from '../store/housekeeping/retire.ts';
import type { Log } from '../telemetry/log.ts';
import type { Stops } from './parts.ts';

const EVERY_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
/** Usage by the hour is shown for a day; the rest is for people. */
const HOURS_DAYS = 90;

export function makeHousekeeping(config: Config, sql: Sql, log: Log['write'], stops: Stops): Housekeeping {
  const housekeeping = startHousekeeping(
    { everyMs: EVERY_MS, months: listKeptTables(config), rows: listRowRules(config) },
    { sql, log },
  );
  stops.push(() => housekeeping.close());
  return housekeeping;
}

function listRowRules(config: Config): readonly RowRule[] {
  const { quarantineKeptMs, auditKeptMs, revocationsKeptMs } = config;
  const optional = [
    { table: 'quarantine', column: 'created_at', keptMs: quarantineKeptMs },
    { table: 'audit_log', column: 'created_at', keptMs: auditKeptMs },
  ];
  return [
    ...optional.flatMap(({ keptMs, ...rule }) => (keptMs === null ? [] : [{ ...rule, keptMs }])),
    { table: 'sessions', column: 'expires_at', keptMs: 0 },
    { table: 'idempotent_tokens', column: 'created_at', keptMs: KEY_HOURS * HOUR_MS },
    { table: 'gateway_nodes', column: 'seen_at', keptMs: HOUR_MS },
    { table: 'api_client_hours', column: 'hour', keptMs: HOURS_DAYS * 24 * HOUR_MS },
    {
      table: 'revocation_log',
      column: 'created_at',
      keptMs: revocationsKeptMs,
      // The newest entry stays: an empty log would look like one that lost its end.
      only: 'seq < (SELECT max(seq) FROM revocation_log)',
    },
  ];
}
