/** How many bytes of bodies may be in memory at once, in all: a counter that says no. */

export interface Budget {
  /** False: there is no room for so many; nothing was taken. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  bytesTaken(): number;
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
    bytesTaken: () => bytesTaken,
  };
}

/** What a sender is told when there is no room. */
export const OVERLOADED_DETAIL =
  'The gateway holds as many bodies as it has memory for. Send again soon, or in smaller batches.';
