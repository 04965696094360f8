/**
 * The sockets of one pool: with TCP_NODELAY, with an end in one step, and none left when the pool has ended. Several hosts are
 * tried in turn; when none has answered, that is told.
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

/** The library's options. It tells nobody of a failure while a second host is named there. */
export interface SocketTarget {
  host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false;
}

export function createSockets(): Sockets {
  const living = new Set<net.Socket>();
  let hosts: readonly string[] | null = null;
  /** Of the host to try next: the one that has answered last, as long as it does. */
  let next = 0;
  /** Hosts in a row that have not answered. */
  let failures = 0;
  let isOver = false;
  return {
    open(target) {
      const all = (hosts ??= target.host);
      // Under TLS the library takes a socket over, and with it all listeners.
      for (const socket of living) if (socket.destroyed) living.delete(socket);
      const index = next;
      const socket = new OneStepSocket((isConnected) => {
        if (isConnected) failures = 0;
        else if (index === next) {
          next = (index + 1) % all.length;
          failures++;
        }
        target.host = failures < all.length ? all : all.slice(0, 1);
      });
      living.add(socket);
      socket.setNoDelay(true);
      if (isOver) {
        // Not before the library listens.
        setImmediate(() => socket.destroy(new Error('the pool of this connection has ended')));
        return socket;
      }
      if (typeof target.path === 'string') return socket.connect(target.path);
      const host = all[index] ?? '127.0.0.1';
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
 *
 * A peer that hangs up before it has said anything, as a proxy without a server does, is an error as well: the library would
 * try again at once, for ever, and fail nothing.
 *
 * A statement that it has taken in the very turn of a connection's end stays in its way: what it should say first is kept
 * until there is more of it. Such a silent socket is closed, without an error, and it tries again with a little more.
 */
class OneStepSocket extends net.Socket {
  readonly #onTried: (isConnected: boolean) => void;
  #error: Error | null = null;
  #isConnected = false;

  constructor(onTried: (isConnected: boolean) => void) {
    super();
    this.#onTried = onTried;
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'error' && values[0] instanceof Error) {
      this.#error = values[0];
      return true;
    }
    if (event === 'connect') this.#noteConnected();
    if (event !== 'close') return super.emit(event, ...values);
    if (!this.#isConnected) this.#onTried(false);
    const isHungUp = this.bytesWritten > 0 && this.bytesRead === 0;
    const error = this.#error ?? (isHungUp ? hungUp() : null);
    if (error !== null) super.emit('error', error);
    return super.emit('close', error !== null);
  }

  #noteConnected(): void {
    this.#isConnected = true;
    this.#onTried(true);
    // Its first words are said in the turn after it was made, which may be this one.
    setImmediate(() => setImmediate(() => this.bytesWritten === 0 && this.destroy()));
  }
}

function hungUp(): Error {
  return Object.assign(new Error('Postgres, or what is before it, hung up'), { code: 'ECONNRESET' });
}
