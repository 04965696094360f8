/**
 * node:http with Sluice's checks. What happens to good records is handed in: held in memory and answered at once, or
 * inserted into Postgres, one statement each, and answered when that is committed. GET /held takes what is held.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Check, Checked, Entrance } from './checks.ts';

export interface Keep {
  /** Awaited before the answer when it is a promise. */
  keep(records: readonly Checked[]): Promise<unknown> | void;
  take(): Buffer;
}

const AI_FETCH = /^\/api\/sites\/([^/]+)\/ingest\/ai-fetch$/;

export async function startNodeHttp(check: Check, kept: Keep): Promise<{ port: number; close: () => void }> {
  const server = createServer((request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      response.end(kept.take());
      return;
    }
    const entrance = readEntrance(request.url ?? '');
    const body = await readBody(request);
    const checked =
      entrance === null ? 404 : await check(entrance, request.headers.authorization ?? '', body);
    if (typeof checked !== 'number') {
      const done = kept.keep(checked);
      if (done !== undefined) await done;
    }
    response.statusCode = typeof checked === 'number' ? checked : 202;
    response.end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => server.closeAllConnections(),
  };
}

function readEntrance(path: string): Entrance | null {
  if (path === '/api/ingest/server/pageview') return { kind: 'pageview', siteId: null };
  if (path === '/api/ingest/server/event') return { kind: 'event', siteId: null };
  const siteId = AI_FETCH.exec(path)?.[1];
  return siteId === undefined ? null : { kind: 'ai_fetch', siteId };
}

/** A small body comes in one piece, and needs no copy. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
    });
    request.on('error', reject);
  });
}
