/** A port for several processes to share: it must be nobody else's, although sharing would let anybody in. */
import { createServer } from 'node:net';

/**
 * Makes sure that nobody listens there, and returns the port: 0 becomes a free one. It is let go of again, so that the
 * processes can have it. Throws one sentence when it is taken.
 */
export async function findSharedPort(host: string, port: number): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen({ host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const why = isTaken ? 'another process has the port. Stop it, or choose another by PORT.' : String(error);
    throw new Error(`Cannot listen on ${host}:${port}: ${why}`, { cause: error });
  }
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : port;
}
