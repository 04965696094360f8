/**
 * Every setting: name, form, default, meaning. The only reader of the environment. A bad value stops the start,
 * with every problem listed at once; parts receive plain values and never see this file.
 */
import { administrationSettings } from './config/administration.ts';
import { overloadSettings } from './config/overload.ts';
import { recordPathSettings } from './config/record-path.ts';
import { retentionSettings } from './config/retention.ts';
import { shipperSettings } from './config/shippers.ts';
import type { Setting } from './config/setting.ts';
import { tracingSettings } from './config/tracing.ts';

/** In the order in which they are printed. */
export const settings = {
  ...recordPathSettings,
  ...retentionSettings,
  ...overloadSettings,
  ...shipperSettings,
  ...administrationSettings,
  ...tracingSettings,
};

export type Config = {
  readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never;
};

/** What Kubernetes puts into every container of a namespace that has a service named sluice. */
const KUBERNETES = /^SLUICE_(\w+_)?(SERVICE|PORT)(_|$)/;

/** Reads the environment. Throws one Error whose message lists every bad value, one a line. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const entries = Object.entries(settings).map(([key, entry]: [string, Setting<unknown>]) => {
    const value = readVariable(environment, entry.variable) || entry.default;
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
  if (config.journalBytesMax < 2 * config.segmentBytes * config.processes) {
    problems.push(
      '  SLUICE_JOURNAL_MAX_BYTES must be at least two times SLUICE_JOURNAL_SEGMENT_BYTES for each of SLUICE_PROCESSES',
    );
  }
  if ((config.adminEmail === null) !== (config.adminPassword === null)) {
    problems.push('  SLUICE_ADMIN_EMAIL and SLUICE_ADMIN_PASSWORD go together');
  }
  if (problems.length > 0) {
    throw new Error(
      `The settings have ${problems.length} problem(s):\n${problems.join('\n')}\n'sluice config' lists all settings.`,
    );
  }
  return config;
}

/** A service named sluice-admin makes Kubernetes set SLUICE_ADMIN_PORT to an address: nobody meant that as a setting. */
function readVariable(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name]?.trim() ?? '';
  return KUBERNETES.test(name) && /^(tcp|udp|sctp):\/\//.test(value) ? '' : value;
}
