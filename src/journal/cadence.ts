/**
 * When a write of the journal begins. Each costs switches of threads and calls of the disk, whatever its size, and disks
 * allow so many a second. So where several wait for one write, the next begins a millisecond after that one began, at the
 * earliest, and more share it: what Postgres calls commit_delay and commit_siblings.
 *
 * That is lost on senders who all wait for their answers: once they are back nobody else comes, and the rest of the pause
 * holds up everybody. Pauses that end in silence, time after time, are left out for a while. Pure: clocks come from outside.
 */
export interface Cadence {
  /** Somebody waits for the write that has not begun. */
  arrive(nowMs: number): void;
  /** The next write is asked for. Returns for how long it is to be put off; 0 = not at all. */
  startPause(nowMs: number): number;
  /** It begins, and so many wait for it. */
  begin(nowMs: number, waiters: number): void;
}

/** The shortest that a timer can do. */
const PAUSE_MS = 1;
/** Who comes back at once is back by then; where many come at any time, hardly ever nobody comes for so long. */
const SILENCE_MS = 0.75;
/** In a row: fewer may be chance. */
const SILENT_PAUSES_MAX = 5;
/** Then pauses are tried again: what they cost in vain is so a few of a thousand. */
const UNPAUSED_WRITES = 2000;

export function createCadence(): Cadence {
  let restsUntilMs = 0;
  let isPaused = false;
  let lastArrivalMs = 0;
  let silentPauses = 0;
  let unpausedWritesLeft = 0;

  function judgePause(nowMs: number): void {
    silentPauses = nowMs - lastArrivalMs > SILENCE_MS ? silentPauses + 1 : 0;
    if (silentPauses < SILENT_PAUSES_MAX) return;
    silentPauses = 0;
    unpausedWritesLeft = UNPAUSED_WRITES;
  }

  return {
    arrive(nowMs) {
      lastArrivalMs = nowMs;
    },
    startPause(nowMs) {
      isPaused = nowMs < restsUntilMs;
      return isPaused ? PAUSE_MS : 0;
    },
    begin(nowMs, waiters) {
      if (isPaused) judgePause(nowMs);
      else if (unpausedWritesLeft > 0) unpausedWritesLeft--;
      isPaused = false;
      restsUntilMs = waiters > 1 && unpausedWritesLeft === 0 ? nowMs + PAUSE_MS : 0;
    },
  };
}
