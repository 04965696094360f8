/** Speaks HTTP byte by byte: what no client library lets a test send. */
import { connect } from 'node:net';

export interface Heard {
  /** All that came back until the connection closed, or until it was silent for `quietMs`. */
  readonly text: string;
  readonly isClosed: boolean;
}

export function speak(port: number, bytes: string | readonly string[], quietMs = 300): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    let timer: NodeJS.Timeout;
    const finish = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, isClosed });
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), quietMs);
    };
    socket.on('connect', () => {
      const parts = typeof bytes === 'string' ? [bytes] : bytes;
      for (const [index, part] of parts.entries()) setTimeout(() => socket.write(part, 'latin1'), index * 30);
      wait();
    });
    socket.on('data', (data) => {
      text += data.toString('latin1');
      wait();
    });
    socket.on('close', () => finish(true));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') finish(true);
      else reject(error);
    });
  });
}

/** Status codes of the answers in what was heard. */
export function readStatuses(heard: Heard): number[] {
  return [...heard.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
}
