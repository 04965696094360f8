/** Settings of how long things are kept. */
import { parseDuration, setting, type Setting } from './setting.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** In the order in which they are printed. */
export const retentionSettings = {
  pageviewsKeptMs: retention(
    'SLUICE_RETENTION_PAGEVIEWS',
    'never',
    'Older pageviews are refused with 400, and deleted by whole months: a month goes when its last day is so old.',
  ),
  eventsKeptMs: retention('SLUICE_RETENTION_EVENTS', 'never', 'The same for events.'),
  aiFetchesKeptMs: retention('SLUICE_RETENTION_AI_FETCHES', 'never', 'The same for fetches by AI crawlers.'),
  quarantineKeptMs: retention(
    'SLUICE_RETENTION_QUARANTINE',
    '90d',
    'Rows in quarantine that are older are deleted; log lines that nobody could read, by whole months.',
  ),
  auditKeptMs: retention('SLUICE_RETENTION_AUDIT', 'never', 'Older entries of the audit log are deleted.'),
  revocationsKeptMs: setting(
    'SLUICE_RETENTION_REVOCATIONS',
    'duration',
    '7d',
    'Older entries of the revocation log are deleted; gateways need the last 10 minutes, the rest is for people.',
    parseDuration(HOUR_MS),
  ),
};

/** Null: never deleted. */
function retention(variable: string, fallback: string, meaning: string): Setting<number | null> {
  const parse = parseDuration(DAY_MS);
  return setting(variable, 'duration, or never', fallback, `${meaning} never: none are.`, (value) =>
    value === 'never' ? null : parse(value),
  );
}

export interface KeptTable {
  readonly table: string;
  readonly keptMs: number | null;
  readonly variable: string;
}

type Values<Name extends string, T> = Readonly<Record<Name, T>>;
type RecordsKept = Values<'pageviewsKeptMs' | 'eventsKeptMs' | 'aiFetchesKeptMs', number | null>;

/** The tables that are kept by months, and what says how long. */
export function listKeptTables(
  config: RecordsKept & Values<'quarantineKeptMs', number | null>,
): readonly KeptTable[] {
  const settings = [
    ['hits', 'pageviewsKeptMs'],
    ['events', 'eventsKeptMs'],
    ['ai_fetches', 'aiFetchesKeptMs'],
    ['unread_lines', 'quarantineKeptMs'],
  ] as const;
  return settings.map(([table, key]) => ({
    table,
    keptMs: config[key],
    variable: retentionSettings[key].variable,
  }));
}

/** Which timestamps are taken. */
export function readTimePolicy(config: RecordsKept & Values<'timePastMs' | 'timeFutureMs', number>) {
  const { timePastMs: pastMs, timeFutureMs: futureMs } = config;
  const { pageviewsKeptMs: pageview, eventsKeptMs: event, aiFetchesKeptMs: aiFetch } = config;
  return { pastMs, futureMs, keptMs: { pageview, event, aiFetch } };
}
