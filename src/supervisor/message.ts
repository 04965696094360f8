/** What a supervisor and its processes say to each other. Both are of one release: nothing of it is ever stored. */

export type ToProcess =
  | ({ readonly kind: 'start' } & Start)
  | { readonly kind: 'tell'; readonly id: number; readonly topic: string }
  | { readonly kind: 'answer'; readonly id: number; readonly told: readonly Told<unknown>[] };

export type ToSupervisor =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'ask'; readonly id: number; readonly topic: string }
  | { readonly kind: 'told'; readonly id: number; readonly value: unknown };

/** What a process has to know that is not in the settings. */
export interface Start extends Common {
  /** 0 to one less than there are. */
  readonly index: number;
  /** By topic: what the process that had this seat before said last. */
  readonly former: Readonly<Record<string, unknown>>;
}

/** The same for all processes. */
export interface Common {
  readonly databaseUrl: string;
  readonly port: number;
  readonly adminPort: number | 'off' | null;
}

export interface Told<T> {
  readonly process: number;
  /** Another one after each restart. */
  readonly run: number;
  /** It does not answer: this is what it said last. */
  readonly isLate: boolean;
  readonly value: T;
}
