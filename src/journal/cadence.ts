/**
 * When a write of the journal begins. Each costs switches of threads and calls of the disk, whatever its size, and disks
 * allow so many a second. So where several wait for one write, the next begins a millisecond after it, and more share it.
 *
 * That is lost on senders who all wait for their answers: once they are back nobody else comes, and the rest of the pause
 * holds up everybody. Pauses that end in silence, time after time, are left out for a while. Pure: clocks come from outside.
 */
export interface Cadence {
  /** Somebody waits for the write that has not begun. */
  arrive(nowMs: number): void;
  /** For how long that write is to be put off; 0 = not at all. */
  pauseMs(nowMs: number): number;
  /** It begins, and so many wait for it. */
  begin(nowMs: number, waiting: number): void;
}

const PAUSE_MS = 1;
const SILENCE_MS = 0.75;
const SILENCES_MAX = 5;
const WRITES_WITHOUT = 2000;

export function createCadence(): Cadence {
  let restsUntilMs = 0;
  let isPaused = false;
  let lastArrivalMs = 0;
  let silences = 0;
  let without = 0;

  function judgePause(nowMs: number): void {
    silences = nowMs - lastArrivalMs > SILENCE_MS ? silences + 1 : 0;
    if (silences < SILENCES_MAX) return;
    silences = 0;
    without = WRITES_WITHOUT;
  }

  return {
    arrive(nowMs) {
      lastArrivalMs = nowMs;
    },
    pauseMs(nowMs) {
      isPaused = nowMs < restsUntilMs;
      return isPaused ? PAUSE_MS : 0;
    },
    begin(nowMs, waiting) {
      if (isPaused) judgePause(nowMs);
      else if (without > 0) without--;
      isPaused = false;
      restsUntilMs = waiting > 1 && without === 0 ? nowMs + PAUSE_MS : 0;
    },
  };
}
