/** The result of the table as text: lines for a terminal, and Markdown for docs/performance.md. Pure. */
import { printSpread } from '../rounds.ts';
import type { Speed } from '../table/fronts.ts';
import type { PacedSpeed } from '../table/paced.ts';
import type { TableResult } from '../table/table.ts';
import type { Judged } from '../table/targets.ts';
import { drawBars } from './chart.ts';
import type { Drawn } from './write.ts';

interface Grid {
  readonly title: string;
  readonly image: string | null;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function printTable(result: TableResult): string {
  return layOut(result)
    .map(({ title, head, rows }) => `\n${title}\n${align([head, ...rows])}\n`)
    .join('');
}

/** What stands between the marks in docs/performance.md. */
export function printMarkdown(result: TableResult): string {
  const failed = result.parts.filter(({ failure }) => failure !== null).map(({ name }) => name);
  const grids = layOut(result)
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, image, head, rows }) => {
      const picture = image === null ? [] : [`![${title}](images/${image})`, ''];
      const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
      return [`### ${title}`, '', ...picture, ...lines].join('\n');
    });
  return [...(failed.length === 0 ? [] : [`Not measured: ${failed.join(', ')}.`]), ...grids].join('\n\n');
}

export function drawCharts(result: TableResult): readonly Drawn[] {
  const draw = (file: string, title: string, speeds: readonly Speed[], isOwn: (name: string) => boolean) => ({
    file,
    svg: drawBars(
      title,
      speeds.map(({ name, recordsPerSecond }) => ({
        label: FRONTS[name] ?? name,
        value: recordsPerSecond,
        isOwn: isOwn(name),
      })),
      printCount,
    ),
  });
  const latencies = result.latencies.flatMap((speed) =>
    (['p50', 'p99'] as const).map((percentile) => ({
      label: `${FRONTS[speed.name] ?? speed.name}, ${percentile}`,
      value: speed[percentile],
      isOwn: speed.name !== 'fastify',
    })),
  );
  const title = 'Latency of single pageviews at 70 % load, ms';
  const drawn = [
    { file: LATENCIES_IMAGE, svg: drawBars(title, latencies, (value) => value.toFixed(2)) },
    draw(FRONTS_IMAGE, 'Single pageviews, requests/s', result.fronts, (name) =>
      ['journal', 'postgres'].includes(name),
    ),
    draw(FORMS_IMAGE, 'Records/s by form', result.forms, (name) => !/, (bare|fastify)$/.test(name)),
  ];
  const isShown = layOut(result).filter(({ rows }) => rows.length > 0);
  return drawn.filter(({ file }) => isShown.some(({ image }) => image === file));
}

const FRONTS_IMAGE = 'bench-fronts.svg';
const FORMS_IMAGE = 'bench-forms.svg';
const LATENCIES_IMAGE = 'bench-latencies.svg';

const FRONTS: Readonly<Record<string, string>> = {
  journal: 'Sluice, on disk',
  postgres: 'Sluice, in Postgres',
  unwaited: 'Sluice, acks not waiting',
  bare: 'uWebSockets.js, reads the body only',
  'node:http': 'node:http, rows in memory',
  fastify: 'Fastify 5, rows in memory',
  insert: 'node:http, one INSERT per request',
};

function layOut(result: TableResult): readonly Grid[] {
  return [
    {
      title: 'Targets',
      image: null,
      head: ['what', 'target', 'measured', ''],
      rows: result.targets.map(printJudged),
    },
    {
      title: 'Single pageviews',
      image: FRONTS_IMAGE,
      head: ['variant', 'requests/s', 'to journal', 'CPU of the server, µs', 'CPU of Postgres, µs'],
      rows: result.fronts.map((speed) => printSpeed(speed, FRONTS[speed.name] ?? speed.name)),
    },
    {
      title: 'Forms',
      image: FORMS_IMAGE,
      head: ['form', 'records/s', 'to single pageviews', 'CPU of the server, µs', 'CPU of Postgres, µs'],
      rows: result.forms.map((speed) => printSpeed(speed, speed.name)),
    },
    {
      title: 'Latency at 70 % load, from when a request was due',
      image: LATENCIES_IMAGE,
      head: ['variant', 'requests/s', 'p50, ms', 'p90, ms', 'p99, ms', 'p99.9, ms', 'sender late, p99, ms'],
      rows: result.latencies.map(printLatency),
    },
    {
      title: 'Parts alone',
      image: null,
      head: ['what', 'measured', 'unit'],
      rows: result.lines.map(({ what, measured, unit }) => [
        what,
        printSpread(measured, digitsOf(measured.median)),
        unit,
      ]),
    },
  ];
}

function printJudged({ what, target, unit, isAtLeast, measured, isReached, isMissed }: Judged): string[] {
  const digits = target >= 100 ? 0 : 2;
  return [
    what,
    `${isAtLeast ? 'at least' : 'at most'} ${target.toFixed(digits)}${unit}`,
    `${printSpread(measured, digits)}${unit}`,
    isReached ? 'reached' : isMissed ? 'beyond its floor' : 'not reached',
  ];
}

function printSpeed(speed: Speed, label: string): string[] {
  return [
    label,
    printSpread(speed.recordsPerSecond, 0),
    printSpread(speed.ratio, 2),
    printSpread(speed.serverUsPerRecord, 1),
    printSpread(speed.postgresUsPerRecord, 1),
  ];
}

function printLatency(speed: PacedSpeed): string[] {
  const times = [speed.p50, speed.p90, speed.p99, speed.p999, speed.latenessP99];
  return [
    FRONTS[speed.name] ?? speed.name,
    printSpread(speed.requestsPerSecond, 0),
    ...times.map((time) => printSpread(time, 2)),
  ];
}

/** Three that count, more or less. */
function digitsOf(value: number): number {
  return value >= 100 ? 0 : value >= 1 ? 1 : 3;
}

function printCount(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
