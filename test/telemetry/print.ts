/** The metrics as docs/metrics.md shows them. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describeBuild, families } from '../../src/telemetry/metrics/metrics.ts';

export function printMetrics(): string {
  const rows = [...families, describeBuild('')].map(({ name, type, labels, help }) => {
    const named = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${named} | ${help} |`;
  });
  return ['| metric | type | labels | what it says |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

/** Those of the process, which the library brings. */
export function listProcessMetrics(): readonly string[] {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register.getMetricsAsArray().map(({ name }) => name);
}
