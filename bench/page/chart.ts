/** Bar charts as SVG: one bar a row, a whisker from the smallest to the largest, no script, no font of its own. Pure. */
import type { Spread } from '../rounds.ts';

export interface Bar {
  readonly label: string;
  readonly value: Spread;
  /** Drawn as the one to look at. */
  readonly isOwn: boolean;
}

const WIDTH = 760;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 90;
const ROW_HEIGHT = 26;
const BAR_HEIGHT = 16;
const TOP = 44;
const SPAN = WIDTH - LABEL_WIDTH - VALUE_WIDTH;

/** `print` writes a value; the longest bar is the largest median. */
export function drawBars(title: string, bars: readonly Bar[], print: (value: number) => string): string {
  const longest = Math.max(...bars.map(({ value }) => value.median));
  const height = TOP + bars.length * ROW_HEIGHT + 10;
  const rows = bars.map((bar, index) => drawBar(bar, TOP + index * ROW_HEIGHT, longest, print));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeText(title)}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="26" font-size="15" font-weight="600" fill="#1b1b1b">${escapeText(title)}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

function drawBar(bar: Bar, top: number, longest: number, print: (value: number) => string): string {
  const scale = (value: number): number => Math.round((Math.min(value, longest) / longest) * SPAN);
  const { median, min, max } = bar.value;
  const middle = top + BAR_HEIGHT / 2;
  const end = LABEL_WIDTH + scale(median);
  return [
    `<text x="${LABEL_WIDTH - 10}" y="${middle + 4}" text-anchor="end" fill="#1b1b1b">${escapeText(bar.label)}</text>`,
    `<rect x="${LABEL_WIDTH}" y="${top}" width="${scale(median)}" height="${BAR_HEIGHT}" rx="2" fill="${bar.isOwn ? '#1666a8' : '#b7c0c8'}"/>`,
    `<path d="M${LABEL_WIDTH + scale(min)} ${middle}H${LABEL_WIDTH + scale(max)}" stroke="#1b1b1b" stroke-width="1.5"/>`,
    `<text x="${Math.max(end, LABEL_WIDTH + scale(max)) + 8}" y="${middle + 4}" fill="#1b1b1b">${escapeText(print(median))}</text>`,
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
