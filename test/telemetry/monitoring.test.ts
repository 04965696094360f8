/** Alert rules, runbooks and dashboard speak of what is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeBuild, families } from '../../src/telemetry/metrics/metrics.ts';
import { listProcessMetrics } from './print.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
const rules = read('k8s/monitoring/alerts.yaml');
const dashboard = read('k8s/monitoring/dashboard.json');
const runbooks = read('docs/runbooks.md');
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);

it('every alert has a runbook that says what it means, what senders see and what to do; and none is left over', () => {
  const sections = runbooks.split('\n## ').slice(1);
  expect(sections.map((section) => section.split('\n')[0])).toEqual(alerts);
  for (const section of sections)
    expect([...section.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, word]) => word)).toEqual([
      'Means',
      'Senders see',
      'Do',
    ]);
});

it('every alert is tried', () => {
  const tried = [...read('k8s/monitoring/alerts.test.yaml').matchAll(/alertname: (\w+)/g)];
  expect([...new Set(tried.map(([, name = '']) => name))].toSorted()).toEqual(alerts.toSorted());
});

it('rules, runbooks and dashboard name metrics that there are', () => {
  const known = new Set([
    ...[...families, describeBuild('')].map(({ name }) => name),
    ...listProcessMetrics(),
  ]);
  for (const text of [rules, dashboard, runbooks]) {
    const named = [...text.matchAll(/\b(?:sluice|process|nodejs)_\w+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(3);
    expect(
      named.filter((name) => !known.has(name) && !known.has(name.replace(/_(bucket|sum|count)$/, ''))),
    ).toEqual([]);
  }
});

it('every label in rules and dashboard is one that its metric has', () => {
  const labels = new Map(
    families.map((family) => [family.name, new Set([...family.labels, 'job', 'instance'])]),
  );
  const selections = [
    ...`${rules}${dashboard.replaceAll('\\"', '"')}`.matchAll(/\b(sluice_\w+)\{([^}]*)\}/g),
  ];
  expect(selections.length).toBeGreaterThan(30);
  for (const [, name = '', selection = ''] of selections)
    for (const [, label = ''] of selection.matchAll(/(\w+)=/g))
      expect([name, label, labels.get(name.replace(/_(bucket|sum|count)$/, ''))?.has(label)]).toEqual([
        name,
        label,
        true,
      ]);
});
