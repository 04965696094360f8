/** The result of the table as text: lines for a terminal, and Markdown for docs/performance.md. Pure. */
import { printSpread } from '../rounds.ts';
import type { Speed } from '../table/fronts.ts';
import type { TableResult } from '../table/table.ts';
import type { Judged } from '../table/targets.ts';
import { drawBars } from './chart.ts';

export interface Drawn {
  readonly file: string;
  readonly svg: string;
}

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
  return layOut(result)
    .map(({ title, image, head, rows }) => {
      const picture = image === null ? [] : [`![${title}](images/${image})`, ''];
      const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
      return [`### ${title}`, '', ...picture, ...lines].join('\n');
    })
    .join('\n\n');
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
  return [
    draw(FRONTS_IMAGE, 'Single pageviews, requests/s', result.fronts, (name) =>
      ['journal', 'postgres'].includes(name),
    ),
    draw(FORMS_IMAGE, 'Records/s by form', result.forms, (name) => !/, (bare|fastify)$/.test(name)),
  ];
}

const FRONTS_IMAGE = 'bench-fronts.svg';
const FORMS_IMAGE = 'bench-forms.svg';

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
  ];
}

function printJudged({ what, target, unit, isAtLeast, measured, isReached, isMissed }: Judged): string[] {
  const digits = target >= 100 ? 0 : 2;
  return [
    what,
    `${isAtLeast ? 'at least' : 'at most'} ${target.toFixed(digits)}${unit}`,
    `${printSpread(measured, digits)}${unit}`,
    isReached ? 'reached' : isMissed ? 'missed' : 'close',
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
