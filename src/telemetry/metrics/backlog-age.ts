/**
 * How long the oldest record that is not in Postgres has been waiting. The journal keeps no times: its marks are looked
 * at each second, so an age is up to a second off. At most 1024 looks are kept: when there are more, every two become
 * one, and from then on they are twice as far apart; so in a long outage an age is up to a five-hundredth too high.
 */

export interface BacklogAge {
  /** 0 when nothing waits. What waited at the start has waited since then. */
  readMs(): number;
  close(): void;
}

export interface BacklogAgeDeps {
  readonly readMarks: () => { readonly appended: number; readonly stored: number };
  /** Monotonic, in ms. */
  readonly now?: () => number;
}

/** All beyond the look before, up to `appended`, came no earlier than `atMs`. */
interface Look {
  readonly atMs: number;
  readonly appended: number;
}

const INTERVAL_MS = 1000;
const LOOKS_MAX = 1024;

export function startBacklogAge(deps: BacklogAgeDeps): BacklogAge {
  const { readMarks, now = () => performance.now() } = deps;
  let looks: readonly Look[] = [];
  let spacingMs = INTERVAL_MS;

  function look(): void {
    const { appended, stored } = readMarks();
    looks = looks.filter((each) => each.appended > stored);
    if (looks.length === 0) spacingMs = INTERVAL_MS;
    const last = looks.at(-1);
    if (appended <= (last?.appended ?? stored)) return;
    const isSoon = last !== undefined && now() - last.atMs < spacingMs;
    looks = isSoon
      ? [...looks.slice(0, -1), { atMs: last.atMs, appended }]
      : [...looks, { atMs: now(), appended }];
    if (looks.length < LOOKS_MAX) return;
    looks = joinPairs(looks);
    spacingMs *= 2;
  }

  look();
  const timer = setInterval(look, INTERVAL_MS);
  timer.unref();
  return {
    readMs() {
      look();
      const oldest = looks[0];
      return oldest === undefined ? 0 : now() - oldest.atMs;
    },
    close: () => clearInterval(timer),
  };
}

function joinPairs(looks: readonly Look[]): readonly Look[] {
  return looks.flatMap((first, index) => {
    const { appended } = looks[index + 1] ?? first;
    return index % 2 === 0 ? [{ atMs: first.atMs, appended }] : [];
  });
}
