/** Makes what is there to look from outside: metrics, traces, and the reference of all that is served. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Route } from '../http/request.ts';
import { createReferenceRoutes } from '../reference/reference.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics/metrics.ts';
import type { GatewayStats } from '../telemetry/metrics/stats.ts';
import type { Log } from '../telemetry/log.ts';
import type { Tracing } from '../telemetry/tracing/tracing.ts';
import type { Stops } from './parts.ts';
import type { Place } from './place.ts';

/** On the administration's own port, or for those who have the token: what is sent here is nobody else's business. */
export async function makeMetrics(
  config: Config,
  place: Place,
  readStats: () => GatewayStats,
  stops: Stops,
): Promise<Metrics | null> {
  const { adminPort, metricsToken: token } = config;
  if (typeof adminPort !== 'number' && token === null) return null;
  const process = place.count === 1 ? null : place.index;
  const values = { token, version: await readVersion(), process };
  const metrics = createMetrics(values, { readStats, share: place.share });
  stops.push(() => metrics.close());
  return metrics;
}

/** Null: the environment names nobody to send traces to. Nothing of OpenTelemetry is loaded then. */
export async function makeTracing(
  config: Config,
  nodeName: string,
  log: Log['write'],
  stops: Stops,
): Promise<Tracing | null> {
  const { otlpUrl, otlpTracesUrl, tracesSampler, tracesShare, isTracingOff } = config;
  const url = otlpTracesUrl ?? (otlpUrl === null ? null : `${otlpUrl.replace(/\/$/, '')}/v1/traces`);
  if (url === null || isTracingOff) return null;
  const { startTracing } = await import('../telemetry/tracing/tracing.ts');
  const version = await readVersion();
  const tracing = startTracing({ version, nodeName, url, sampler: tracesSampler, share: tracesShare }, log);
  stops.push(() => tracing.close());
  return tracing;
}

/** What each port serves, its reference included. */
export interface Routes {
  readonly records: readonly Route[];
  /** Null: the administration has no port of its own. */
  readonly administration: readonly Route[] | null;
  readonly all: readonly Pick<Route, 'method' | 'path'>[];
}

export async function placeRoutes(
  config: Config,
  recordRoutes: readonly Route[],
  adminRoutes: readonly Route[],
): Promise<Routes> {
  const version = await readVersion();
  const refer = (routes: readonly Route[]): readonly Route[] => [
    ...routes,
    ...createReferenceRoutes(routes, version),
  ];
  const isApart = typeof config.adminPort === 'number';
  const records = refer(isApart ? recordRoutes : [...recordRoutes, ...adminRoutes]);
  const administration = isApart ? refer(adminRoutes) : null;
  const all = [...records, ...(administration ?? [])].map(({ method, path }) => ({ method, path }));
  return { records, administration, all };
}

async function readVersion(): Promise<string> {
  const manifest = await readFile(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
