/** The console: the page where people manage who may write, and watch a gateway. Served beside the administration. */
import type { Route } from '../http/request.ts';
import { loadAssets } from './assets.ts';
import { startLive, type Live, type LiveDeps } from './live.ts';
import { createPageRoutes } from './pages.ts';

export interface Console {
  readonly routes: readonly Route[];
  stats(): ReturnType<Live['stats']>;
  close(): void;
}

export interface ConsoleValues {
  readonly gatewayName: string;
  /** Where records go, when that is not the console's own port. */
  readonly recordsPort: number | null;
}

const ROOT = '/console';

/** Whoever comes with a browser and an address alone wants the console. */
const FRONT_DOOR: Route = {
  method: 'GET',
  path: '/',
  bodyBytesMax: 0,
  handle: () => ({ status: '302 Found', headers: [['Location', ROOT]], body: '' }),
};

export function createConsole(values: ConsoleValues, deps: LiveDeps): Console {
  const live = startLive(values.gatewayName, deps);
  return {
    routes: [FRONT_DOOR, ...createPageRoutes(ROOT, () => loadAssets(values.recordsPort)), live.route],
    stats: () => live.stats(),
    close: () => live.close(),
  };
}
