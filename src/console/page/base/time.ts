/** Times and numbers as people read them, in the browser's language and zone. */

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** '3 hours ago', 'in 2 days'. */
export function printAgo(time: string, nowMs = Date.now()): string {
  const seconds = (Date.parse(time) - nowMs) / 1000;
  const [unit, size] = UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? ['second', 1];
  if (unit === 'second') return seconds <= 0 ? 'just now' : 'in a moment';
  return relative.format(Math.trunc(seconds / size), unit);
}

export function printTime(time: string): string {
  return absolute.format(new Date(time));
}

export function printNumber(value: number): string {
  return number.format(value);
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function printBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), BYTES.length - 1);
  return `${number.format(bytes / 2 ** (10 * power))} ${BYTES[power] ?? ''}`;
}
