/**
 * How many bytes of bodies may be in memory at once, in all: a counter that says no. What a request takes is given back
 * when nobody needs it any more: neither its connection, nor a handler that goes on when its sender is gone.
 */

export interface Budget {
  /** False: there is no room for so many; nothing was taken. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  readonly bytesTaken: number;
}

export function createBudget(bytesMax: number): Budget {
  let bytesTaken = 0;
  return {
    take(bytes) {
      if (bytesTaken + bytes > bytesMax) return false;
      bytesTaken += bytes;
      return true;
    },
    give(bytes) {
      bytesTaken -= bytes;
    },
    get bytesTaken() {
      return bytesTaken;
    },
  };
}

/** What one request has taken. Begins with one user, its connection. */
export interface Share {
  take(bytes: number): boolean;
  /** One more needs it. */
  join(): void;
  /** The last one to leave gives all of it back. */
  leave(): void;
}

export function createShare(budget: Budget): Share {
  let bytesTaken = 0;
  let users = 1;
  return {
    take(bytes) {
      if (!budget.take(bytes)) return false;
      bytesTaken += bytes;
      return true;
    },
    join() {
      users++;
    },
    leave() {
      if (--users > 0) return;
      budget.give(bytesTaken);
      bytesTaken = 0;
    },
  };
}
