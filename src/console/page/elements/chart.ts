/**
 * A chart over time, drawn by uPlot in the page's own colours: accent, ink and grey, then the same dashed. What it shows
 * is there as text as well: the legend has the latest values.
 */
import uPlot from 'uplot';
import { printNumber } from '../base/time.ts';
import { html, useEffect, useRef, useState, type VNode } from '../base/view.ts';

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProperties {
  readonly title: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly isBars?: boolean;
  readonly print?: (value: number) => string;
  /** What the axis shows at least from 0 to. */
  readonly topMin?: number;
}

const HEIGHT_PX = 150;
const AXIS_PX = 56;
const COLOURS = ['--accent', '--ink', '--strong-line'];
const DASHES: readonly number[][] = [[], [5, 3], [2, 3]];

export function Chart(properties: ChartProperties): VNode {
  const { title, times, lines, print = printNumber } = properties;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [scheme, setScheme] = useState(0);
  const labels = lines.map((line) => line.label).join('\n');

  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => setScheme((one) => one + 1);
    query.addEventListener('change', redraw);
    return () => query.removeEventListener('change', redraw);
  }, []);

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(describePlot(properties, element), dataOf(properties), element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [labels, scheme]);

  useEffect(() => plot.current?.setData(dataOf(properties)), [times, lines]);

  return html`
    <figure>
      <figcaption>
        <span class="title">${title}</span>
        <${Legend} lines=${lines} print=${print} isTotal=${properties.isBars === true} />
      </figcaption>
      <div class="plot" ref=${place} role="img" aria-label=${`Chart: ${title}`}></div>
    </figure>
  `;
}

interface LegendProperties {
  readonly lines: readonly Line[];
  readonly print: (value: number) => string;
  /** The sum instead of the latest value. */
  readonly isTotal: boolean;
}

function Legend({ lines, print, isTotal }: LegendProperties): VNode {
  const valueOf = ({ values }: Line): number | null =>
    isTotal
      ? values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
      : (values.findLast((value) => value !== null) ?? null);
  return html`
    <span class="legend">
      ${lines.map((line, index) => {
        const value = valueOf(line);
        return html`
          <span key=${line.label}>
            <i class=${`stroke stroke-${index % COLOURS.length} dash-${Math.floor(index / COLOURS.length) % DASHES.length}`}></i>
            ${line.label} <b>${value === null ? '—' : print(value)}</b>
          </span>
        `;
      })}
    </span>
  `;
}

/** Bars stand on each other: each is drawn up from the bottom, and the later ones over it. */
function dataOf({ times, lines, isBars = false }: ChartProperties): uPlot.AlignedData {
  const heights = lines.map((line, index) =>
    isBars
      ? line.values.map((_, at) => lines.slice(index).reduce((sum, one) => sum + (one.values[at] ?? 0), 0))
      : [...line.values],
  );
  return [[...times], ...heights];
}

/** `stepSeconds`: between two ticks. */
function printTicks(ticks: readonly number[], stepSeconds: number): string[] {
  const format = new Intl.DateTimeFormat(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    ...(stepSeconds < 60 ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  });
  return ticks.map((tick) => format.format(tick * 1000));
}

function describePlot(properties: ChartProperties, element: HTMLElement): uPlot.Options {
  const { lines, isBars = false, topMin = 1, print = printNumber } = properties;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      y: { range: (_plot, _min, max) => [0, Math.max(topMin, (Number.isFinite(max) ? max : 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 70,
        values: (_plot, ticks, _axis, _space, step) => printTicks(ticks, step),
      },
      { ...axis, size: AXIS_PX, values: (_plot, values) => values.map((value) => print(value)) },
    ],
    series: [
      {},
      ...lines.map((line, index) => {
        const stroke = colour(COLOURS[index % COLOURS.length] ?? '--ink');
        return {
          label: line.label,
          stroke,
          width: 1.5,
          points: { show: false },
          dash: DASHES[Math.floor(index / COLOURS.length) % DASHES.length] ?? [],
          ...(isBars && bars !== undefined ? { fill: stroke, paths: bars, width: 0 } : {}),
        };
      }),
    ],
  };
}
