/**
 * Settings of traces, by the names that OpenTelemetry gives them in every program. What else its exporter reads of the
 * environment (headers, timeout, compression, certificates, the names of the service) is its own affair.
 */
import { optional, parseChoice, parseUrl, setting } from './setting.ts';

const parseShare = (value: string): number => {
  const share = Number(value);
  if (!/^[\d.]+$/.test(value) || !(share >= 0 && share <= 1)) throw new Error('must be a number from 0 to 1');
  return share;
};

/** In the order in which they are printed. */
export const tracingSettings = {
  otlpUrl: optional(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'https://…',
    'An OpenTelemetry collector: traces are sent to /v1/traces below it. Neither this nor the next one set: nothing is traced.',
    parseUrl(/^https?:$/),
  ),
  otlpTracesUrl: optional(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'https://…',
    'The whole address for traces, where it is another one.',
    parseUrl(/^https?:$/),
  ),
  otlpProtocol: setting(
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'http/protobuf',
    'http/protobuf',
    'The one protocol there is; a collector has it at port 4318.',
    parseChoice(['http/protobuf']),
  ),
  tracesSampler: setting(
    'OTEL_TRACES_SAMPLER',
    "always_on, always_off, traceidratio, or one of them behind 'parentbased_'",
    'parentbased_always_on',
    'Which requests are traced. parentbased_: as the sender decided, where its traceparent says so.',
    parseChoice([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ]),
  ),
  tracesShare: setting(
    'OTEL_TRACES_SAMPLER_ARG',
    '0 to 1',
    '1',
    'Of traceidratio: the share of requests that is traced.',
    parseShare,
  ),
  isTracingOff: setting(
    'OTEL_SDK_DISABLED',
    'true or false',
    'false',
    'true: nothing is traced, whatever else is set.',
    (value) => parseChoice(['true', 'false'])(value) === 'true',
  ),
};
