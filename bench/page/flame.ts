/**
 * A tree of calls as a flame graph in SVG: callers above what they call, as wide as the time took, coloured by room. What is
 * too narrow to be seen is left out; the rest says its name and share when pointed at. No script, no font of its own. Pure.
 */
import type { Call } from '../profile/tree.ts';
import { escapeText } from './chart.ts';

const WIDTH = 1200;
const ROW_HEIGHT = 17;
const TOP = 64;
const WIDTH_MIN = 0.8;
/** Of a letter, about. */
const LETTER_WIDTH = 6.2;
const PALETTE = [
  '#8ab8dc',
  '#f0a96b',
  '#9ccf9c',
  '#d9a3cf',
  '#e6cf70',
  '#a3c9c7',
  '#e59a9a',
  '#b9b0e0',
  '#c8d48a',
  '#d6b99a',
];
const OTHERS = '#c9ced3';

export function drawFlame(title: string, root: Call, rooms: readonly string[]): string {
  const colourOf = (room: string): string => PALETTE[rooms.indexOf(room)] ?? OTHERS;
  const rows: string[] = [];
  let depthMax = 0;
  const draw = (call: Call, left: number, depth: number): void => {
    const width = (call.totalUs / root.totalUs) * WIDTH;
    if (width < WIDTH_MIN) return;
    depthMax = Math.max(depthMax, depth);
    rows.push(
      drawCall(call, { left, width, top: TOP + depth * ROW_HEIGHT }, colourOf(call.room), root.totalUs),
    );
    let next = left;
    for (const child of merge(call.calls)) {
      draw(child, next, depth + 1);
      next += (child.totalUs / root.totalUs) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = TOP + (depthMax + 1) * ROW_HEIGHT + 8;
  const shown = rooms.slice(0, PALETTE.length);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeText(title)}" font-family="system-ui, sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="8" y="22" font-size="15" font-weight="600" fill="#1b1b1b">${escapeText(title)}</text>`,
    ...shown.map(
      (room, index) =>
        `<rect x="${8 + index * 118}" y="36" width="11" height="11" fill="${colourOf(room)}"/><text x="${23 + index * 118}" y="46" fill="#1b1b1b">${escapeText(room)}</text>`,
    ),
    ...rows,
    '</svg>\n',
  ].join('\n');
}

interface Box {
  readonly left: number;
  readonly width: number;
  readonly top: number;
}

function drawCall(call: Call, { left, width, top }: Box, colour: string, allUs: number): string {
  const share = ((call.totalUs / allUs) * 100).toFixed(1);
  const label = escapeText(`${call.name}${call.place === '' ? '' : ` (${call.place})`} ${share} %`);
  const letters = Math.floor((width - 4) / LETTER_WIDTH);
  const text = letters < 3 ? '' : escapeText(call.name.slice(0, letters));
  const box = `<rect x="${left.toFixed(1)}" y="${top}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${ROW_HEIGHT - 1}" fill="${colour}"/>`;
  const name =
    text === '' ? '' : `<text x="${(left + 2).toFixed(1)}" y="${top + 12}" fill="#1b1b1b">${text}</text>`;
  return `<g><title>${label}</title>${box}${name}</g>`;
}

/** Calls of one function from one caller are one, the widest first: V8 has one for each line that calls. */
function merge(calls: readonly Call[]): readonly Call[] {
  const groups = Map.groupBy(calls, ({ name, place }) => `${name} ${place}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const totalUs = group.reduce((sum, call) => sum + call.totalUs, 0);
      return [{ ...first, totalUs, calls: group.flatMap((call) => call.calls) }];
    })
    .toSorted((one, other) => other.totalUs - one.totalUs);
}
