/**
 * Keeps the processes of a gateway running: starts them, starts one again that has ended, stops them all.
 *
 * The first start is all or nothing: when one process cannot listen, its reason is the start's. After that, one that ends
 * is started again after 0.1 s, and after twice as long each time that it ends without having listened for a minute, up to
 * 5 s; each time is logged with the reason. The others go on meanwhile. A process whose supervisor is gone stops by itself.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { Common, ToSupervisor } from './message.ts';
import { createRelay, say } from './relay.ts';

export interface Supervisor {
  /** Resolves when every process listens; rejects with the reason of the first one that cannot. */
  readonly listening: Promise<void>;
  /** Passes the signal on, and starts none again. Resolves with the worst exit code when all have ended. */
  stop(signal: NodeJS.Signals): Promise<number>;
}

export interface SupervisorValues {
  readonly processes: number;
  /** What they run. */
  readonly program: string;
  readonly common: Common;
}

export interface SupervisorDeps {
  readonly log: (level: 'info' | 'error', fields: object, message: string) => void;
}

const FIRST_WAIT_MS = 100;
const WAIT_MS_MAX = 5000;
const STEADY_MS = 60_000;

interface Seat {
  readonly index: number;
  child: ChildProcess | null;
  /** Null: it does not listen yet. */
  listeningSinceMs: number | null;
  /** Ends in a row, each before it was steady. */
  failures: number;
  /** What it said of its failure. */
  reason: string | null;
  restart: NodeJS.Timeout | undefined;
}

export function startSupervisor(values: SupervisorValues, deps: SupervisorDeps): Supervisor {
  const relay = createRelay();
  const listening = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let hasStarted = false;
  let isStopping = false;
  let worstCode = 0;
  const seats = Array.from({ length: values.processes }, (_, index): Seat => {
    const nothing = { child: null, listeningSinceMs: null, restart: undefined };
    return { index, failures: 0, reason: null, ...nothing };
  });

  function start(seat: Seat): void {
    const { index } = seat;
    // Numbers that JSON does not have are among what they tell.
    const child = fork(values.program, [], { serialization: 'advanced' });
    Object.assign(seat, { child, listeningSinceMs: null, reason: null });
    child.on('message', (message: ToSupervisor) => {
      if (message.kind === 'failed') seat.reason = message.reason;
      if (message.kind === 'listening') noteListening(seat);
    });
    // What it said is there only when the line has ended as well; one that could not be started has no exit.
    let awaited = 2;
    const note = (): void => void (--awaited === 0 && noteEnd(seat, child));
    child.once('exit', note).once('disconnect', note);
    child.once('error', (error) => {
      seat.reason ??= error.message;
      if (child.pid === undefined && seat.child === child) noteEnd(seat, child);
    });
    say(child, { kind: 'start', ...values.common, index, former: relay.join(index, child) });
  }

  function noteListening(seat: Seat): void {
    seat.listeningSinceMs = performance.now();
    deps.log('info', { process: seat.index, pid: seat.child?.pid }, 'a process listens');
    hasStarted ||= seats.every((each) => each.listeningSinceMs !== null);
    if (hasStarted) listening.resolve();
  }

  function noteEnd(seat: Seat, { pid, exitCode: code, signalCode: signal }: ChildProcess): void {
    seat.child = null;
    if (isStopping) {
      // One that had no time yet to listen to signals has nothing to lose.
      worstCode = Math.max(worstCode, code ?? (signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 1));
      if (seats.every((each) => each.child === null)) ended.resolve();
      return;
    }
    const { index, reason } = seat;
    if (!hasStarted) {
      listening.reject(
        new Error(reason ?? `Process ${index} ended with ${code ?? signal} before it listened.`),
      );
      return;
    }
    const listenedMs = seat.listeningSinceMs === null ? 0 : performance.now() - seat.listeningSinceMs;
    seat.failures = listenedMs >= STEADY_MS ? 1 : seat.failures + 1;
    const waitMs = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** Math.min(seat.failures - 1, 10));
    const facts = { process: index, pid, code, signal, cause: reason, failures: seat.failures, waitMs };
    deps.log('error', facts, 'a process has ended by itself; it is started again');
    seat.restart = setTimeout(() => start(seat), waitMs);
  }

  for (const seat of seats) start(seat);
  return {
    listening: listening.promise,
    async stop(signal) {
      isStopping = true;
      for (const seat of seats) {
        clearTimeout(seat.restart);
        seat.child?.kill(signal);
      }
      if (seats.some((seat) => seat.child !== null)) await ended.promise;
      return worstCode;
    },
  };
}
