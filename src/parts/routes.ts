/** Which port serves what, and the reference of it. */
import type { Config } from '../config.ts';
import type { Route } from '../http/request.ts';
import { createReferenceRoutes } from '../reference/reference.ts';
import { readVersion } from './version.ts';

/** What each port serves, its reference included. */
export interface Routes {
  readonly records: readonly Route[];
  /** Null: the administration has no port of its own. */
  readonly administration: readonly Route[] | null;
  readonly all: readonly Pick<Route, 'method' | 'path'>[];
}

export async function placeRoutes(
  config: Config,
  recordRoutes: readonly Route[],
  adminRoutes: readonly Route[],
): Promise<Routes> {
  const version = await readVersion();
  const refer = (routes: readonly Route[]): readonly Route[] => [
    ...routes,
    ...createReferenceRoutes(routes, version),
  ];
  const isApart = typeof config.adminPort === 'number';
  const records = refer(isApart ? recordRoutes : [...recordRoutes, ...adminRoutes]);
  const administration = isApart ? refer(adminRoutes) : null;
  const all = [...records, ...(administration ?? [])].map(({ method, path }) => ({ method, path }));
  return { records, administration, all };
}
