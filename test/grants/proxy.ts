/**
 * A wire between a gateway and a server that a test can cut, and on which it can hold back the server's answers: the
 * server has done its work then, and the gateway does not know it yet.
 */
import { connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  connections(): number;
  /** Ends all connections, and every new one at once. */
  cut(): void;
  /** The same, the gateway's side by a reset: an error, not an end. */
  reset(): void;
  mend(): void;
  /** Holds what the server answers on any connection that asks for something with this text in it. */
  holdAnswersTo(text: string): void;
  /** Says `bytes` once, as if the server had, when a connection asks for something with this text in it. */
  sayAt(text: string, bytes: Buffer): void;
  /** Holds what the server answers on all connections. */
  holdAll(): void;
  /** Resolves when the first answer is held. */
  readonly held: Promise<void>;
  /** Lets the held answers to questions go; those of `holdAll` stay. */
  releaseAnswers(): void;
  releaseAll(): void;
  close(): Promise<void>;
}

interface Wire {
  readonly client: Socket;
  readonly server: Socket;
  readonly kept: Buffer[];
  isAsked: boolean;
}

export async function createProxy(targetPort: number): Promise<Proxy> {
  const wires = new Set<Wire>();
  let isCut = false;
  let heldText: string | null = null;
  let isHoldingAll = false;
  let said: { readonly text: string; readonly bytes: Buffer } | null = null;
  let announceHeld = (): void => undefined;
  const held = new Promise<void>((resolve) => (announceHeld = resolve));

  const listener = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const wire: Wire = { client, server: connect(targetPort, '127.0.0.1'), kept: [], isAsked: false };
    wires.add(wire);
    const end = (): void => {
      wires.delete(wire);
      client.destroy();
      wire.server.destroy();
    };
    client.on('data', (chunk) => {
      if (heldText !== null && chunk.includes(heldText)) wire.isAsked = true;
      if (said !== null && chunk.includes(said.text)) {
        client.write(said.bytes);
        said = null;
      }
      wire.server.write(chunk);
    });
    wire.server.on('data', (chunk) => {
      if (wire.isAsked || isHoldingAll) wire.kept.push(chunk);
      else client.write(chunk);
      if (wire.isAsked || isHoldingAll) announceHeld();
    });
    for (const socket of [client, wire.server]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  function flush(wire: Wire): void {
    wire.isAsked = false;
    for (const chunk of wire.kept.splice(0)) wire.client.write(chunk);
  }

  return {
    port: address.port,
    connections: () => wires.size,
    held,
    cut() {
      isCut = true;
      for (const wire of wires) {
        wire.client.destroy();
        wire.server.destroy();
      }
    },
    reset() {
      isCut = true;
      for (const wire of wires) {
        wire.client.resetAndDestroy();
        wire.server.destroy();
      }
    },
    mend() {
      isCut = false;
    },
    holdAnswersTo(text) {
      heldText = text;
    },
    sayAt(text, bytes) {
      said = { text, bytes };
    },
    holdAll() {
      isHoldingAll = true;
    },
    releaseAnswers() {
      heldText = null;
      for (const wire of wires) if (wire.isAsked) flush(wire);
    },
    releaseAll() {
      heldText = null;
      isHoldingAll = false;
      for (const wire of wires) flush(wire);
    },
    async close() {
      for (const wire of wires) {
        wire.client.destroy();
        wire.server.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** The same address, reached through the proxy. */
export function throughProxy(url: string, proxy: Proxy): string {
  const changed = new URL(url);
  changed.host = `127.0.0.1:${proxy.port}`;
  return changed.toString();
}

export function readPort(url: string): number {
  return Number(new URL(url).port);
}
