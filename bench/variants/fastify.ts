/** Fastify 5 with Sluice's checks, rows held in memory, answered at once. GET /held takes what is held. */
import { fastify } from 'fastify';
import type { Check, Entrance } from './checks.ts';
import type { Held } from './held.ts';

const BODY_BYTES_MAX = 8 * 1024 * 1024;

export async function startFastify(
  check: Check,
  held: Held,
): Promise<{ port: number; close: () => Promise<void> }> {
  const app = fastify({ bodyLimit: BODY_BYTES_MAX });
  // As bytes: what reads them is the same for all variants, and faster than Fastify's own parser.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.removeContentTypeParser('application/json');

  const route = (path: string, entranceOf: (parameters: Record<string, string>) => Entrance): void => {
    app.post<{ Params: Record<string, string>; Body: Buffer }>(path, async (request, reply) => {
      const { authorization = '' } = request.headers;
      const checked = await check(entranceOf(request.params), authorization, request.body);
      if (typeof checked !== 'number') held.keep(checked);
      return reply.code(typeof checked === 'number' ? checked : 202).send();
    });
  };
  route('/api/ingest/server/pageview', () => PAGEVIEW);
  route('/api/ingest/server/event', () => EVENT);
  route('/api/sites/:siteId/ingest/ai-fetch', ({ siteId = '' }) => ({ kind: 'ai_fetch', siteId }));
  app.get('/held', () => held.take());

  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return { port: Number(new URL(address).port), close: () => app.close() };
}

const PAGEVIEW: Entrance = { kind: 'pageview', siteId: null };
const EVENT: Entrance = { kind: 'event', siteId: null };
