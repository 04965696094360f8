/** What a route asks for beyond the few headers that every request has: further ones, and the parameters of its path. */
import type { HttpRequest } from 'uWebSockets.js';

const NO_FIELDS: Readonly<Record<string, string>> = {};

/** The further headers that a route asked for. */
export function readFields(
  names: readonly string[] | undefined,
  incoming: HttpRequest,
): Readonly<Record<string, string>> {
  if (names === undefined) return NO_FIELDS;
  return Object.fromEntries(names.map((name) => [name, incoming.getHeader(name)]));
}

const NO_PARAMETERS: readonly string[] = [];

export function readParameters(count: number, incoming: HttpRequest): readonly string[] {
  if (count === 0) return NO_PARAMETERS;
  return Array.from({ length: count }, (_, index) => incoming.getParameter(index) ?? '');
}
