/** Curves of growth as text and pictures: a table and a chart each. Pure. */
import { printSpread } from '../rounds.ts';
import type { Curve } from '../growth/curve.ts';
import { drawLines } from './lines.ts';
import type { Drawn } from './write.ts';

export function printGrowth(curves: readonly Curve[]): string {
  return curves
    .map((curve) => {
      const picture = `![${curve.title}](images/${fileOf(curve)})`;
      const lines = gridOf(curve).map((cells) => `| ${cells.join(' | ')} |`);
      const remark = curve.remark === '' ? [] : [curve.remark, ''];
      return [`### ${curve.title}`, '', picture, '', ...remark, ...lines].join('\n');
    })
    .join('\n\n');
}

export function printGrowthLines(curves: readonly Curve[]): string {
  return curves
    .map((curve) => {
      const points = curve.lines.flatMap(({ what, unit, points: line }) =>
        line.map(
          ({ size, measured }) =>
            `  ${size.toLocaleString('en').padStart(12)} ${curve.size}  ${what}: ${printSpread(measured, 2)} ${unit}\n`,
        ),
      );
      return `\n${curve.title}\n${points.join('')}`;
    })
    .join('');
}

export function drawGrowth(curves: readonly Curve[]): readonly Drawn[] {
  return curves.map((curve) => ({ file: fileOf(curve), svg: drawLines(curve) }));
}

function fileOf({ name }: Curve): string {
  return `growth-${name}.svg`;
}

/** Head, rule, and a row for each size. */
function gridOf({ size: sizeName, lines }: Curve): readonly (readonly string[])[] {
  const sizes = lines[0]?.points.map(({ size }) => size) ?? [];
  const head = [sizeName, ...lines.map(({ what, unit }) => `${what}, ${unit}`)];
  const rows = sizes.map((size, place) => [
    size.toLocaleString('en'),
    ...lines.map(({ points }) => {
      const measured = points[place]?.measured;
      return measured === undefined ? '' : printSpread(measured, measured.median >= 100 ? 0 : 2);
    }),
  ]);
  return [head, head.map(() => '---:'), ...rows];
}
