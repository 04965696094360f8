/**
 * A curve as SVG: a panel for each unit, from 0 up; the size to the right by its logarithm. A whisker goes from the smallest
 * to the largest of a point; no script, no font of its own. Pure.
 */
import type { Curve, CurveLine } from '../growth/curve.ts';
import { escapeText } from './chart.ts';

const WIDTH = 760;
const LEFT = 70;
const RIGHT = 24;
const TITLE_HEIGHT = 40;
const PANEL_HEIGHT = 200;
const PLOT_TOP = 30;
const PLOT_HEIGHT = 130;
const COLOURS = ['#1666a8', '#b3501c', '#2f7d4f'];

export function drawLines(curve: Curve): string {
  const panels = [...Map.groupBy(curve.lines, ({ unit }) => unit).values()];
  const height = TITLE_HEIGHT + panels.length * PANEL_HEIGHT;
  const scale = scaleSizes(curve);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeText(curve.title)}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="26" font-size="15" font-weight="600" fill="#1b1b1b">${escapeText(curve.title)}</text>`,
    ...panels.map((lines, index) => drawPanel(lines, TITLE_HEIGHT + index * PANEL_HEIGHT, curve.size, scale)),
    '</svg>\n',
  ].join('\n');
}

/** 0 stands at the left edge, where the logarithm has no place for it. */
function scaleSizes({ lines }: Curve): (size: number) => number {
  const sizes = lines.flatMap(({ points }) => points.map(({ size }) => size)).filter((size) => size > 0);
  const hasZero = lines.some(({ points }) => points.some(({ size }) => size === 0));
  const low = Math.log(Math.min(...sizes)) - (hasZero ? 1 : 0);
  const span = Math.max(1e-9, Math.log(Math.max(...sizes)) - low);
  return (size) =>
    Math.round(LEFT + ((size === 0 ? 0 : Math.log(size) - low) / span) * (WIDTH - LEFT - RIGHT));
}

function drawPanel(
  lines: readonly CurveLine[],
  top: number,
  sizeName: string,
  x: (size: number) => number,
): string {
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(({ measured }) => measured.max)));
  const bottom = top + PLOT_TOP + PLOT_HEIGHT;
  const y = (value: number): number => Math.round(bottom - (value / highest) * PLOT_HEIGHT);
  const sizes = [...new Set(lines.flatMap(({ points }) => points.map(({ size }) => size)))];
  return [
    ...lines.map(
      ({ what, unit }, index) =>
        `<text x="${LEFT + index * 300}" y="${top + 16}" fill="${COLOURS[index]}">${escapeText(`${what}, ${unit}`)}</text>`,
    ),
    `<path d="M${LEFT} ${bottom - PLOT_HEIGHT}V${bottom}H${WIDTH - RIGHT}" fill="none" stroke="#8a949c"/>`,
    `<text x="${LEFT - 8}" y="${bottom - PLOT_HEIGHT + 4}" text-anchor="end" fill="#1b1b1b">${printValue(highest)}</text>`,
    `<text x="${LEFT - 8}" y="${bottom}" text-anchor="end" fill="#1b1b1b">0</text>`,
    ...sizes.map(
      (size, index) =>
        `<text x="${x(size)}" y="${bottom + 16}" text-anchor="${index === sizes.length - 1 ? 'end' : 'middle'}" fill="#1b1b1b">${printSize(size)}${index === sizes.length - 1 ? ` ${escapeText(sizeName)}` : ''}</text>`,
    ),
    ...lines.map((line, index) => drawLine(line, COLOURS[index] ?? '#1b1b1b', x, y)),
  ].join('\n');
}

function drawLine(
  { points }: CurveLine,
  colour: string,
  x: (size: number) => number,
  y: (value: number) => number,
): string {
  const path = points.map(({ size, measured }) => `${x(size)} ${y(measured.median)}`).join('L');
  const marks = points.map(
    ({ size, measured }) =>
      `<path d="M${x(size)} ${y(measured.min)}V${y(measured.max)}" stroke="${colour}"/>` +
      `<circle cx="${x(size)}" cy="${y(measured.median)}" r="3" fill="${colour}"/>`,
  );
  return [`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`, ...marks].join('\n');
}

function printSize(size: number): string {
  if (size >= 1_000_000) return `${Number((size / 1_000_000).toFixed(1))} M`;
  return size >= 10_000 ? `${Math.round(size / 1000)} k` : String(size);
}

function printValue(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}
