/**
 * One gateway per journal. The lock is a unix socket in the folder on which its holder listens: the kernel lets go
 * of it when the holder dies, however it dies, and it is seen across containers that share the folder.
 */
import { open, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

export interface Lock {
  release(): Promise<void>;
}

/** A socket's path may have 107 bytes; a longer one is reached through the open folder. */
const SOCKET_PATH_BYTES_MAX = 107;

/** Throws one sentence when another process holds the folder. */
export async function takeLock(directory: string): Promise<Lock> {
  const folder = await open(directory, 'r');
  const plain = join(directory, 'lock');
  const path = Buffer.byteLength(plain) <= SOCKET_PATH_BYTES_MAX ? plain : `/proc/self/fd/${folder.fd}/lock`;
  try {
    const server = (await listen(path)) ?? (await takeOver(path));
    if (server === null) {
      throw new Error(
        `The journal ${directory} is in use by another gateway. Stop it, or set SLUICE_DATA_DIR.`,
      );
    }
    return {
      async release() {
        await new Promise((resolve) => server.close(resolve));
        await folder.close();
      },
    };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** Null when the path is taken, by a living process or by the remains of a dead one. */
function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Nobody answers on the socket of a dead process: it may be removed. */
async function takeOver(path: string): Promise<Server | null> {
  const isHeld = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (isHeld) return null;
  await unlink(path).catch(() => undefined);
  return listen(path);
}
