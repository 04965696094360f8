/** The HTTP server alone, on a free port, with routes of the test's. A handler that fails fails the test. */
import type { Route } from '../../src/http/request.ts';
import { startServer, type Server } from '../../src/http/server.ts';

export function startRoutes(routes: readonly Route[], connectionsMax = 1000): Promise<Server> {
  return startServer(
    {
      host: '127.0.0.1',
      port: 0,
      trustedProxies: [],
      inFlightBytesMax: 1_000_000,
      connectionsMax,
      isPortShared: false,
    },
    {
      routes,
      onFault: (error) => {
        throw error;
      },
    },
  );
}
