/**
 * GET /metrics: what the parts count, as Prometheus reads it, and what the process does. The parts are asked at each
 * scrape and know nothing of it. No metric tells of a client, a site, a token or a path that a sender chose.
 *
 * Where a gateway has several processes, whichever is asked answers for all of them. A counter never falls: what a process
 * had counted when it was last asked is counted on by the one that takes its place.
 */
import { timingSafeEqual } from 'node:crypto';
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import { hashToken, readCredential } from '../../grants/token.ts';
import { createProblem } from '../../http/problem.ts';
import type { Reply, Request, Route } from '../../http/request.ts';
import type { Told } from '../../supervisor/message.ts';
import type { Share } from '../../supervisor/siblings.ts';
import { gauge, type Across, type Family, type Sample } from './family.ts';
import { frontFamilies } from './front.ts';
import { storageFamilies } from './storage.ts';
import { grantFamilies } from './grants.ts';
import type { GatewayStats } from './stats.ts';

export interface Metrics {
  readonly routes: readonly Route[];
  close(): void;
}

export interface MetricsValues {
  /** Null: none is asked for. */
  readonly token: string | null;
  /** Labels what is of this process alone; null: there is no other. */
  readonly process: number | null;
  /** Of Sluice. */
  readonly version: string;
}

export interface MetricsDeps {
  readonly readStats: () => GatewayStats;
  readonly share: Share;
}

/** What one process tells. */
interface Report {
  readonly gateway: readonly Series[];
  readonly process: readonly Series[];
}

/** A family as the library writes it down. */
interface Series extends Pick<Family, 'name' | 'help' | 'type'> {
  readonly aggregator: Across;
  readonly values: readonly Sample[];
}

export function createMetrics(values: MetricsValues, deps: MetricsDeps): Metrics {
  const registry = new Registry();
  if (values.process !== null) registry.setDefaultLabels({ process: String(values.process) });
  collectDefaultMetrics({ register: registry });
  const tokenHash = values.token === null ? null : hashToken(values.token);
  const all = [...families, describeBuild(values.version)];
  const outliving = new Set(all.filter((family) => family.outlivesProcess).map(({ name }) => name));

  async function report(former: Report | null): Promise<Report> {
    // All families of a scrape tell of one moment.
    const stats = deps.readStats();
    const now = all.map(({ name, help, type, across, read }) => {
      return { name, help, type, aggregator: across, values: read(stats) };
    });
    const before = former?.gateway.filter((series) => isCounted(series) && !outliving.has(series.name)) ?? [];
    const process = await listSeries(registry);
    return {
      gateway: before.length === 0 ? now : await listSeries(merge([now, before])),
      process: process.map((series) => ({ ...series, aggregator: 'sum' })),
    };
  }

  const readAll = deps.share('metrics', report);

  async function show(request: Request): Promise<Reply> {
    if (tokenHash !== null && !isToken(request, tokenHash)) return UNAUTHORIZED;
    const shown = merge((await readAll()).flatMap(choose));
    return {
      status: '200 OK',
      headers: [
        ['Content-Type', shown.contentType],
        ['Cache-Control', 'no-store'],
      ],
      body: await shown.metrics(),
    };
  }

  return {
    routes: [{ method: 'GET', path: '/metrics', bodyBytesMax: 0, handle: show }],
    close: () => registry.clear(),
  };
}

async function listSeries(registry: Registry): Promise<readonly Series[]> {
  return (await registry.getMetricsAsJSON()) as unknown as readonly Series[];
}

function merge(reports: readonly (readonly Series[])[]): Registry {
  return AggregatorRegistry.aggregate([...reports]);
}

/** Of a process that does not answer only what it has counted holds. */
function choose({ isLate, value }: Told<Report>): readonly (readonly Series[])[] {
  return isLate ? [value.gateway.filter(isCounted)] : [value.process, value.gateway];
}

function isCounted({ type }: Series): boolean {
  return type !== 'gauge';
}

/** In the order in which they are shown; the build is last. */
export const families: readonly Family[] = [
  ...frontFamilies,
  ...storageFamilies,
  ...grantFamilies,
  gauge('sluice_processes_up', 'Processes of this gateway that answer', [], () => 1),
];

export function describeBuild(version: string): Family {
  const help = 'Always 1; its labels say what runs';
  return gauge('sluice_build_info', help, ['version', 'node'], () => [[1, version, process.version]], 'max');
}

function isToken({ headers }: Request, tokenHash: string): boolean {
  const token = readCredential(headers.authorization, '');
  return token !== null && timingSafeEqual(Buffer.from(hashToken(token)), Buffer.from(tokenHash));
}

const UNAUTHORIZED = createProblem('unauthorized', {
  detail: 'The metrics have a token of their own: SLUICE_METRICS_TOKEN.',
  headers: [['WWW-Authenticate', 'Bearer']],
});
