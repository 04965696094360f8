/** One setting, and the forms that settings come in. A parser throws a phrase that completes 'NAME …'. */
import { isIP } from 'node:net';

export interface Setting<T> {
  readonly variable: string;
  readonly form: string;
  /** As it would be written in the environment; '' = not set. */
  readonly default: string;
  readonly meaning: string;
  /** Returns the value, or throws a phrase that completes 'NAME …'. */
  readonly parse: (text: string) => T;
}

const secondMs = 1000;
const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: secondMs,
  m: 60 * secondMs,
  h: 3600 * secondMs,
  d: 86_400 * secondMs,
  y: 365.25 * 86_400 * secondMs,
};
export const KIB = 1024;
export const MIB = KIB * KIB;

export function setting<T>(
  variable: string,
  form: string,
  fallback: string,
  meaning: string,
  parse: (text: string) => T,
): Setting<T> {
  return { variable, form, default: fallback, meaning, parse };
}

/** A setting that may be absent. */
export function optional<T>(
  variable: string,
  form: string,
  meaning: string,
  parse: (text: string) => T,
): Setting<T | null> {
  return setting(variable, form, '', meaning, (value) => (value === '' ? null : parse(value)));
}

export function parseInteger(min: number, max: number) {
  return (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };
}

export function parseBytes(min: number, max: number) {
  return (value: string): number => {
    const match = /^(\d+)\s*(B|KiB|MiB|GiB)?$/.exec(value);
    const factor = { B: 1, KiB: KIB, MiB: MIB, GiB: MIB * KIB }[match?.[2] ?? 'B'] ?? 1;
    const bytes = Number(match?.[1]) * factor;
    if (match === null || bytes < min || bytes > max)
      throw new Error(`must be a size such as 64KiB, from ${min} to ${max} bytes`);
    return bytes;
  };
}

export function parseDuration(minMs: number) {
  return (value: string): number => {
    const match = /^(\d+)\s*(ms|s|m|h|d|y)$/.exec(value);
    const durationMs = Number(match?.[1]) * (units[match?.[2] ?? ''] ?? 1);
    if (match === null || durationMs < minMs)
      throw new Error(`must be a duration such as 500ms, 30s, 5m, 1h, 90d or 20y, at least ${minMs}ms`);
    return durationMs;
  };
}

export function parseChoice<const T extends string>(choices: readonly T[]) {
  return (value: string): T => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new Error(`must be ${choices.join(' or ')}`);
    return found;
  };
}

/** The value itself is never repeated in the error: it may hold a password. */
export function parseUrl(protocol: RegExp) {
  return (value: string): string => {
    if (!URL.canParse(value) || !protocol.test(new URL(value).protocol))
      throw new Error('is not a URL of the right kind');
    return value;
  };
}

/** '10.0.0.0/8, 192.0.2.7' -> with a prefix length each. */
export function parseNetworks(text: string): readonly string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [address = '', bits, ...rest] = entry.split('/');
      const bitsMax = isIP(address) === 6 ? 128 : 32;
      const isSound =
        isIP(address) !== 0 && rest.length === 0 && (bits === undefined || /^\d{1,3}$/.test(bits));
      if (!isSound || Number(bits ?? 0) > bitsMax)
        throw new Error('must be a list of networks such as 10.0.0.0/8, 2001:db8::/32');
      return `${address}/${bits ?? bitsMax}`;
    });
}

export function parseText(lengthMin: number, lengthMax: number) {
  return (value: string): string => {
    if (value.length < lengthMin || value.length > lengthMax)
      throw new Error(`must have ${lengthMin} to ${lengthMax} characters`);
    return value;
  };
}
