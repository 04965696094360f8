/** What a view shows comes from the API: it is loading, loaded, or failed for a reason. */
import { ask, type Good, type Problem } from './api.ts';
import { useCallback, useEffect, useState } from './view.ts';

export type Loaded<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly problem: Problem }
  | { readonly kind: 'loaded'; readonly body: T; readonly etag: string | null; readonly next: string | null };

export interface Loading<T> {
  readonly state: Loaded<T>;
  /** What was loaded stays until the new answer is there. */
  readonly reload: () => void;
  /** Takes the place of what was loaded: an answer to a change has the new state. */
  readonly replace: (good: Pick<Good<T>, 'body' | 'etag'>) => void;
}

/** `path` null: nothing to load yet. */
export function useLoaded<T>(path: string | null): Loading<T> {
  const [held, setHeld] = useState<{ readonly path: string | null; readonly state: Loaded<T> }>({
    path,
    state: LOADING,
  });
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    if (path === null) return undefined;
    let isCurrent = true;
    void ask<T>('GET', path).then((answer) => {
      if (isCurrent)
        setHeld({
          path,
          state: answer.isGood
            ? { kind: 'loaded', body: answer.body, etag: answer.etag, next: answer.next }
            : { kind: 'failed', problem: answer.problem },
        });
    });
    return () => {
      isCurrent = false;
    };
  }, [path, turn]);

  return {
    state: held.path === path ? held.state : LOADING,
    reload: useCallback(() => setTurn((one) => one + 1), []),
    replace: useCallback(
      ({ body, etag }) => setHeld({ path, state: { kind: 'loaded', body, etag, next: null } }),
      [path],
    ),
  };
}

const LOADING = { kind: 'loading' } as const;
