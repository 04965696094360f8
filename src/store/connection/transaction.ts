/**
 * Transactions that outlive the loss of their connection.
 *
 * When a connection is lost in a transaction, the library's `begin` rejects, but what it runs goes on: it sends ROLLBACK
 * to a socket that is gone, which ends the process, or to the next connection, in the middle of somebody else's
 * transaction. So nothing of it is sent any more, and the work is not heard to end: there is nothing left to roll back.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '../connect.ts';
import { answered } from './answers.ts';

export type Work = (tx: Transaction) => unknown;
export type Begin = (options: string, work: Work) => Promise<unknown>;

export function survivable(begin: Begin) {
  return (options: string | Work, work?: Work): Promise<unknown> => {
    const run = typeof options === 'string' ? work : options;
    if (run === undefined) throw new TypeError('begin needs something to do');
    let isOver = false;
    const whole = begin(typeof options === 'string' ? options : '', async (tx) => {
      try {
        const result = await run(answered(tx, () => isOver));
        return isOver ? await never() : result;
      } catch (error) {
        // The library tells of the loss a little later than the statement that has failed by it.
        await turn();
        for (let waits = 0; !isOver && isConnectionLost(error) && waits < LOSS_WAITS_MAX; waits++)
          await sleep(LOSS_WAIT_MS);
        return isOver ? never() : Promise.reject(error);
      }
    });
    whole.catch(() => {
      isOver = true;
    });
    return whole;
  };
}

/** A connection that is lost closes within a second. One that does not is there, whatever the error says. */
const LOSS_WAIT_MS = 10;
const LOSS_WAITS_MAX = 100;

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Of the library, and of its socket. Work in a transaction speaks to nobody else, so they are this connection's. */
const LOST: ReadonlySet<string> = new Set([
  ...['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED', 'CONNECTION_LOST'],
  ...['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT'],
]);

function isConnectionLost(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return LOST.has(code);
}
