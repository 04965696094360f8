/** Makes what a gateway is watched by: metrics and traces. */
import type { Config } from '../config.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics/metrics.ts';
import type { GatewayStats } from '../telemetry/metrics/stats.ts';
import type { Log } from '../telemetry/log.ts';
import type { Tracing } from '../telemetry/tracing/tracing.ts';
import type { Stops } from './parts.ts';
import type { Seat } from './seat.ts';
import { readVersion } from './version.ts';

/** On the administration's own port, or for those who have the token: what is sent here is nobody else's business. */
export async function makeMetrics(
  config: Config,
  seat: Seat,
  readStats: () => GatewayStats,
  stops: Stops,
): Promise<Metrics | null> {
  const { adminPort, metricsToken: token } = config;
  if (typeof adminPort !== 'number' && token === null) return null;
  const process = seat.count === 1 ? null : seat.index;
  const values = { token, version: await readVersion(), process };
  const metrics = createMetrics(values, { readStats, share: seat.share });
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
