/**
 * Traces for OpenTelemetry: a span for every request, and one for every write into Postgres. Loaded only when the
 * environment names an endpoint for them; where they go, with which headers, and which are kept, is said by the OTEL_…
 * variables that every such program reads.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  diag,
  DiagLogLevel,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Log } from '../log.ts';
import { createSampler, type SamplerName } from './sampler.ts';

export interface Tracing {
  /** `traceparent`: of the sender, or ''. The returned function ends the span; status 0: the sender was gone. */
  readonly startRequest: (method: string, route: string, traceparent: string) => (status: number) => void;
  /** The returned function ends the span; null: the rows are stored. */
  readonly startWrite: (table: string, rows: number) => (failure: string | null) => void;
  /** Sends what is left, if that can be done in two seconds. */
  close(): Promise<void>;
}

export interface TracingValues {
  readonly version: string;
  readonly nodeName: string;
  readonly url: string;
  readonly sampler: SamplerName;
  readonly share: number;
}

const CLOSE_MS = 2000;

export function startTracing(values: TracingValues, log: Log['write']): Tracing {
  const told = (message: string): void => log('warn', { message }, 'traces cannot be sent');
  const untold = (): void => undefined;
  diag.setLogger(
    { error: told, warn: told, info: untold, debug: untold, verbose: untold },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const provider = new TracerProvider({
    sampler: createSampler(values.sampler, values.share),
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'sluice',
          'service.version': values.version,
          'service.instance.id': values.nodeName,
        }),
      )
      // What the environment says of the service counts.
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: values.url }) })],
  });
  const tracer = provider.getTracer('sluice', values.version);
  return {
    startRequest: (method, route, traceparent) => endRequest(openRequest(tracer, method, route, traceparent)),
    startWrite(table, rows) {
      const span = tracer.startSpan(`COPY ${table}`, {
        kind: SpanKind.CLIENT,
        attributes: {
          'db.system.name': 'postgresql',
          'db.operation.name': 'COPY',
          'db.collection.name': table,
          'db.operation.batch.size': rows,
        },
      });
      return (failure) => {
        if (failure !== null) {
          span.setAttribute('error.type', failure);
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
      };
    },
    async close() {
      const sent = provider.shutdown().catch((error: unknown) => told(String(error)));
      // A collector that is not there must not hold up a stop.
      await Promise.race([sent, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

function openRequest(tracer: Tracer, method: string, route: string, traceparent: string): Span {
  const sender = traceparent === '' ? null : parseTraceParent(traceparent);
  const root = context.active();
  const parent = sender === null ? root : trace.setSpanContext(root, { ...sender, isRemote: true });
  const verb = method.toUpperCase();
  const attributes = { 'http.request.method': verb, 'http.route': route };
  return tracer.startSpan(`${verb} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
}

function endRequest(span: Span): (status: number) => void {
  return (status) => {
    if (status === 0) span.setAttribute('error.type', 'aborted');
    else span.setAttribute('http.response.status_code', status);
    if (status >= 500) {
      span.setAttribute('error.type', String(status));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  };
}
