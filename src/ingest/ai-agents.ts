/** GET /api/ai-agents: the crawlers that are known, as they are looked for. For anybody; the same until a restart. */
import { crawlers } from '../crawlers/crawlers.ts';
import type { Reply, Route } from '../http/request.ts';

const catalogue: Reply = {
  status: '200 OK',
  headers: [
    ['Content-Type', 'application/json'],
    ['Cache-Control', 'public, max-age=3600'],
  ],
  body: `${JSON.stringify({ count: crawlers.length, agents: crawlers })}\n`,
};

export const aiAgentsRoute: Route = {
  method: 'GET',
  path: '/api/ai-agents',
  bodyBytesMax: 0,
  handle: () => catalogue,
};
