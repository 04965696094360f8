/** Metrics of the front: requests, records, and how long a sender waits. */
import { problems } from '../../http/problem.ts';
import type { ServerStats } from '../../http/server.ts';
import { counter, gauge, histogram, type Family } from './family.ts';
import type { GatewayStats } from './stats.ts';

const LISTENER = ['listener'];
const CLASSES = ['aborted', '1xx', '2xx', '3xx', '4xx', '5xx'];

export const frontFamilies: readonly Family[] = [
  counter(
    'sluice_http_requests_total',
    "Requests by route and class of the answer's status; aborted: the sender was gone before; route other: none that is served",
    ['method', 'route', 'status'],
    readRequests,
  ),
  gauge('sluice_http_requests_in_flight', 'Requests that are not answered yet', LISTENER, (stats) =>
    ofEach(stats, (server) => server.inFlight),
  ),
  gauge(
    'sluice_http_in_flight_bytes',
    'Memory held for bodies of requests that are not answered yet',
    LISTENER,
    (stats) => ofEach(stats, (server) => server.bytesInFlight),
  ),
  gauge('sluice_http_connections', 'Open connections', LISTENER, (stats) =>
    ofEach(stats, (server) => server.connections),
  ),
  counter(
    'sluice_http_connections_refused_total',
    'Connections that were closed at once, because there were too many',
    LISTENER,
    (stats) => ofEach(stats, (server) => server.connectionsRefused),
  ),
  counter(
    'sluice_http_framing_violations_total',
    'Connections that were closed, because a proxy might see the end of their request elsewhere',
    LISTENER,
    (stats) => ofEach(stats, (server) => server.framingViolations),
  ),
  counter(
    'sluice_records_total',
    'Records by verdict, and by their kind or by what they came in: batch, or the format of a log',
    ['kind', 'verdict'],
    ({ ingest }) =>
      Object.entries(ingest.verdicts).flatMap(([kind, { accepted, dropped, refused }]) => [
        [accepted, kind, 'accepted'] as const,
        [dropped, kind, 'dropped'] as const,
        [refused, kind, 'refused'] as const,
      ]),
  ),
  counter('sluice_refusals_total', 'Refused records and requests by error code', ['code'], ({ ingest }) =>
    // All codes from the start: a rate does not see the step from nothing to one.
    Object.keys(problems).map((code) => [ingest.refused[code] ?? 0, code]),
  ),
  histogram(
    'sluice_ack_duration_seconds',
    'From a whole request with records to its 202',
    ({ ingest }) => ingest.waits,
  ),
];

function ofEach(
  { http, administration }: GatewayStats,
  read: (server: ServerStats) => number,
): readonly (readonly [number, string])[] {
  const records = [read(http), 'records'] as const;
  return administration === null ? [records] : [records, [read(administration), 'administration']];
}

function readRequests({ http, administration }: GatewayStats): readonly (readonly [number, ...string[]])[] {
  const servers = administration === null ? [http] : [http, administration];
  const astray = CLASSES.map((_, digit) => servers.reduce((sum, one) => sum + (one.astray[digit] ?? 0), 0));
  const routes = [
    ...servers.flatMap((server) => server.answers),
    { method: 'other', path: 'other', byClass: astray },
  ];
  return routes.flatMap(({ method, path, byClass }) =>
    CLASSES.map((status, digit) => [byClass[digit] ?? 0, method, path, status] as const).filter(
      ([value]) => value > 0,
    ),
  );
}
