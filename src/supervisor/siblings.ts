/**
 * What the processes of one gateway tell each other of what they count: each says what it has read, and whoever asks hears
 * all of them, by way of the supervisor. When the supervisor is silent, so is everybody: who asks waits.
 */
import type { Start, Told, ToProcess, ToSupervisor } from './message.ts';

/**
 * Says `read` to whoever asks for the topic; the function returned asks everybody, this process included. `former`: what
 * the process that had this one's seat before said last; null: there was none.
 */
export type Share = <T>(
  topic: string,
  read: (former: T | null) => T | Promise<T>,
) => () => Promise<readonly Told<T>[]>;

/** For a gateway of one process. */
export const shareWithNobody: Share = (_, read) => async () => [
  { process: 0, run: 0, isLate: false, value: await read(null) },
];

export interface Siblings {
  readonly start: Start;
  readonly share: Share;
  /** Of no use when the supervisor is gone: nothing happens then. Resolves when it is said. */
  readonly say: (message: ToSupervisor) => Promise<void>;
}

/** This process's end of the line to the supervisor that forked it. */
export type Line = Pick<NodeJS.Process, 'on' | 'send' | 'connected'>;

/** Resolves when the supervisor has said what this process is. */
export function joinSiblings(line: Line): Promise<Siblings> {
  const readers = new Map<string, () => unknown>();
  const asked = new Map<number, (told: readonly Told<unknown>[]) => void>();
  let lastId = 0;
  let isListening = false;

  const say = (message: ToSupervisor): Promise<void> =>
    new Promise((resolve) => {
      isListening ||= message.kind === 'listening';
      if (line.connected) line.send?.(message, undefined, undefined, () => resolve());
      else resolve();
    });

  /** `undefined` is no answer: what there is to say is only there when all parts are. */
  async function tell(id: number, topic: string): Promise<void> {
    await say({ kind: 'told', id, value: isListening ? await readers.get(topic)?.() : undefined });
  }

  function ask(topic: string): Promise<readonly Told<unknown>[]> {
    const id = ++lastId;
    void say({ kind: 'ask', id, topic });
    return new Promise((resolve) => asked.set(id, resolve));
  }

  return new Promise((resolve) => {
    line.on('message', (message: ToProcess) => {
      if (message.kind === 'tell') void tell(message.id, message.topic);
      else if (message.kind === 'answer') {
        asked.get(message.id)?.(message.told);
        asked.delete(message.id);
      } else {
        const share: Share = (topic, read) => {
          type Value = Awaited<ReturnType<typeof read>>;
          readers.set(topic, () => read((message.former[topic] ?? null) as Value | null));
          return async () => (await ask(topic)) as readonly Told<Value>[];
        };
        resolve({ start: message, share, say });
      }
    });
  });
}
