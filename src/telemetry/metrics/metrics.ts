/**
 * GET /metrics: what the parts count, as Prometheus reads it, and what the process does. The parts are asked at each
 * scrape and know nothing of it. No metric tells of a client, a site, a token or a path that a sender chose.
 */
import { timingSafeEqual } from 'node:crypto';
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';
import { hashToken, readCredential } from '../../grants/token.ts';
import { createProblem } from '../../http/problem.ts';
import type { Reply, Request, Route } from '../../http/request.ts';
import { gauge, type Family } from './family.ts';
import { frontFamilies } from './front.ts';
import { keepingFamilies } from './keeping.ts';
import { knowingFamilies } from './knowing.ts';
import type { GatewayStats } from './stats.ts';

export interface Metrics {
  readonly routes: readonly Route[];
  close(): void;
}

export interface MetricsValues {
  /** Null: none is asked for. */
  readonly token: string | null;
  /** Of Sluice. */
  readonly version: string;
}

export interface MetricsDeps {
  readonly readStats: () => GatewayStats;
}

export function createMetrics(values: MetricsValues, deps: MetricsDeps): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const tokenHash = values.token === null ? null : hashToken(values.token);
  let stats: GatewayStats | null = null;
  for (const family of [...families, describeBuild(values.version)])
    registry.registerMetric(adapt(family, () => (stats ??= deps.readStats())));

  async function show(request: Request): Promise<Reply> {
    if (tokenHash !== null && !isToken(request, tokenHash)) return UNAUTHORIZED;
    // All families of a scrape tell of one moment.
    stats = deps.readStats();
    return {
      status: '200 OK',
      headers: [
        ['Content-Type', registry.contentType],
        ['Cache-Control', 'no-store'],
      ],
      body: await registry.metrics(),
    };
  }

  return {
    routes: [{ method: 'GET', path: '/metrics', bodyBytesMax: 0, handle: show }],
    close: () => registry.clear(),
  };
}

/** In the order in which they are shown; the build is last. */
export const families: readonly Family[] = [...frontFamilies, ...keepingFamilies, ...knowingFamilies];

export function describeBuild(version: string): Family {
  return gauge('sluice_build_info', 'Always 1; its labels say what runs', ['version', 'node'], () => [
    [1, version, process.version],
  ]);
}

/** All that the registry asks of a metric; its own ones would keep counts a second time. */
function adapt({ name, help, type, read }: Family, readStats: () => GatewayStats): Metric {
  const metric = { name, help, get: async () => ({ name, help, type, values: read(readStats()) }) };
  return metric as unknown as Metric;
}

function isToken({ headers }: Request, tokenHash: string): boolean {
  const token = readCredential(headers.authorization, '');
  return token !== null && timingSafeEqual(Buffer.from(hashToken(token)), Buffer.from(tokenHash));
}

const UNAUTHORIZED = createProblem('unauthorized', {
  detail: 'The metrics have a token of their own: SLUICE_METRICS_TOKEN.',
  headers: [['WWW-Authenticate', 'Bearer']],
});
