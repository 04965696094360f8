/**
 * Carries questions between processes: whoever asks gets what each of them says. One that does not answer within two
 * seconds, or is being started again, is spoken for by what it said last: a sum must not fall because somebody is away.
 */
import type { ChildProcess } from 'node:child_process';
import type { Told, ToProcess, ToSupervisor } from './message.ts';

export interface Relay {
  /** This process has the seat from now on. Returns what the one before said last, by topic. */
  join(index: number, child: ChildProcess): Readonly<Record<string, unknown>>;
}

const ANSWER_MS_MAX = 2000;
/** One that has so many questions open is not asked any more: it is frozen, and they would pile up. */
const OPEN_MAX = 64;

interface Seat {
  readonly run: number;
  readonly child: ChildProcess;
  readonly open: Map<number, (value: unknown) => void>;
  /** By topic, with the run that said it. */
  readonly last: Record<string, { readonly run: number; readonly value: unknown }>;
}

export function createRelay(): Relay {
  const seats = new Map<number, Seat>();
  let lastId = 0;
  let lastRun = 0;

  async function question(process: number, seat: Seat, topic: string): Promise<readonly Told<unknown>[]> {
    const value = await askSeat(seat, topic);
    if (value !== undefined) {
      seat.last[topic] = { run: seat.run, value };
      return [{ process, run: seat.run, isLate: false, value }];
    }
    const last = seat.last[topic];
    return last === undefined ? [] : [{ process, ...last, isLate: true }];
  }

  /** Undefined: no answer. */
  function askSeat({ child, open }: Seat, topic: string): Promise<unknown> {
    if (!child.connected || open.size >= OPEN_MAX) return Promise.resolve(undefined);
    const id = ++lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), ANSWER_MS_MAX);
      open.set(id, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      say(child, { kind: 'tell', id, topic });
    });
  }

  async function answer(child: ChildProcess, id: number, topic: string): Promise<void> {
    const told = await Promise.all([...seats].map(([index, seat]) => question(index, seat, topic)));
    say(child, { kind: 'answer', id, told: told.flat() });
  }

  return {
    join(index, child) {
      const last = seats.get(index)?.last ?? {};
      const seat = { run: ++lastRun, child, open: new Map<number, (value: unknown) => void>(), last };
      seats.set(index, seat);
      child.on('message', (message: ToSupervisor) => {
        if (message.kind === 'ask') void answer(child, message.id, message.topic);
        if (message.kind !== 'told') return;
        seat.open.get(message.id)?.(message.value);
        seat.open.delete(message.id);
      });
      // Whoever waits for it need not wait longer.
      child.once('disconnect', () => {
        for (const settle of seat.open.values()) settle(undefined);
      });
      return Object.fromEntries(Object.entries(last).map(([topic, { value }]) => [topic, value]));
    },
  };
}

/** One that has gone meanwhile hears nothing, and that is nobody's fault. */
export function say(child: ChildProcess, message: ToProcess): void {
  if (child.connected) child.send(message, () => undefined);
}
