/**
 * A wire between a gateway and Postgres that can be cut: wholly, in the middle of a COPY, or after a commit before its
 * answer. One address, wherever the server is.
 */
import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  readonly port: number;
  aim(port: number): void;
  /** Ends all connections, and new ones at once, until all who have cut it have mended it. */
  cut(): () => void;
  /** Ends the next `times` connections that are in the middle of a COPY, or that have just had theirs committed. */
  cutNext(where: 'in COPY' | 'after commit', times: number): void;
  /** How often `cutNext` has cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** A COPY has been asked for: what the gateway sends now are rows. */
  isCopying: boolean;
}

/** What postgres.js asks; and how Postgres says that it is done: by then it has committed. */
const COPY_ASKED = /^Q....COPY /s;
const COPY_DONE = 'COPY ';
const COMMITTED = 'COMMIT\0';

export async function createWire(target: number): Promise<Wire> {
  const pairs = new Set<Pair>();
  let port = target;
  let cutBy = 0;
  let armed: 'in COPY' | 'after commit' = 'in COPY';
  let left = 0;
  let cuts = 0;

  function end(pair: Pair): void {
    pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  }

  function spend(pair: Pair): void {
    left--;
    cuts++;
    end(pair);
  }

  function passOn(pair: Pair, chunk: Buffer): void {
    const isRows = pair.isCopying;
    pair.isCopying ||= COPY_ASKED.test(chunk.toString('latin1', 0, 16));
    if (isRows && left > 0 && armed === 'in COPY') {
      pair.far.write(chunk.subarray(0, chunk.length >> 1), () => end(pair));
      left--;
      cuts++;
    } else if (!pair.far.write(chunk)) pair.near.pause();
  }

  function passBack(pair: Pair, chunk: Buffer): void {
    const isDone = pair.isCopying && (chunk.includes(COPY_DONE) || chunk.includes(COMMITTED));
    if (isDone) pair.isCopying = false;
    if (isDone && left > 0 && armed === 'after commit') spend(pair);
    else if (!pair.near.write(chunk)) pair.far.pause();
  }

  const listener = createServer((near) => {
    if (cutBy > 0) {
      near.destroy();
      return;
    }
    const pair: Pair = { near, far: connect(port, '127.0.0.1'), isCopying: false };
    pairs.add(pair);
    pair.near.on('data', (chunk) => passOn(pair, chunk));
    pair.far.on('data', (chunk) => passBack(pair, chunk));
    pair.near.on('drain', () => pair.far.resume());
    pair.far.on('drain', () => pair.near.resume());
    for (const socket of [pair.near, pair.far]) {
      socket.setNoDelay(true);
      socket.on('error', () => end(pair));
      socket.on('close', () => end(pair));
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the wire has no port');
  const endAll = (): void => {
    for (const pair of pairs) end(pair);
  };
  return {
    port: address.port,
    aim(next) {
      port = next;
    },
    cut() {
      cutBy++;
      endAll();
      let isMended = false;
      return () => {
        if (!isMended) cutBy--;
        isMended = true;
      };
    },
    cutNext(where, times) {
      armed = where;
      left = times;
    },
    get cuts() {
      return cuts;
    },
    async close() {
      endAll();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
