/**
 * The sockets of one pool: with TCP_NODELAY, with an end in one step, and none left when the pool has ended.
 *
 * postgres.js never sets TCP_NODELAY, and COPY, which sends several small messages, then waits for the peer's delayed
 * acknowledgement: some 44 ms a batch. It also leaves a socket to itself that was still connecting when the pool ended.
 */
import net from 'node:net';

export interface Sockets {
  /** Returns a socket that is still connecting: a failure is seen as its 'error' and 'close'. */
  open(target: SocketTarget): net.Socket;
  /** Ends all, at once; one that is opened later fails. */
  destroy(): void;
}

export interface SocketTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false;
}

let attempt = 0;

export function createSockets(): Sockets {
  const living = new Set<net.Socket>();
  let isOver = false;
  return {
    open(target) {
      // Under TLS the library takes a socket over, and with it all listeners.
      for (const socket of living) if (socket.destroyed) living.delete(socket);
      const socket = new OneStepSocket();
      living.add(socket);
      socket.setNoDelay(true);
      if (isOver) {
        // Not before the library listens.
        setImmediate(() => socket.destroy(new Error('the pool of this connection has ended')));
        return socket;
      }
      if (typeof target.path === 'string') return socket.connect(target.path);
      const index = attempt++ % target.host.length;
      const host = target.host[index] ?? '127.0.0.1';
      socket.connect({ host, port: target.port[index] ?? 5432 });
      // postgres.js reads `host` for the TLS server name.
      return Object.assign(socket, { host });
    },
    destroy() {
      isOver = true;
      for (const socket of living) socket.destroy();
    },
  };
}

/**
 * Tells of an error only when it closes. Between the two postgres.js would take another statement for the dead
 * connection, and never fail it: the next connection's first word would be its answer, an empty one.
 */
class OneStepSocket extends net.Socket {
  #error: Error | null = null;

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'error' && values[0] instanceof Error) {
      this.#error = values[0];
      return true;
    }
    if (event === 'close' && this.#error !== null) super.emit('error', this.#error);
    return super.emit(event, ...values);
  }
}
