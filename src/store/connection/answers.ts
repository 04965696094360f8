/**
 * Statements that are answered by the server, or not at all.
 *
 * A statement that postgres.js has given to a connection which was already lost may be settled when that connection is
 * there again, with an empty result that no server has sent: 'no such row', where nobody has looked. A result of the
 * server names the command that it completes. And after a statement that has failed in the middle of its rows, the library
 * puts the next one's behind as many holes.
 */

/** The part of a postgres.js statement that settles it. */
export interface Settled {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** Anything that makes statements: a pool, or a transaction. */
type Maker = ((...values: never[]) => unknown) & { unsafe: (...values: never[]) => unknown };

/** The same, but for statements that fail with `CONNECTION_LOST` where they would have an answer of nobody. */
export function answered<T extends Maker>(maker: T, isLost: () => boolean = () => false): T {
  const { unsafe } = maker;
  return new Proxy(maker, {
    apply: (target, self, values) => watch(Reflect.apply(target, self, values), isLost),
    get(target, name) {
      if (name !== 'unsafe') return Reflect.get(target, name) as unknown;
      return (...values: never[]) => watch(unsafe(...values), isLost);
    },
  });
}

function watch(made: unknown, isLost: () => boolean): unknown {
  // A part of a statement: an identifier, a list of values.
  if (!isStatement(made)) return made;
  if (isLost()) throw connectionLost();
  const { resolve } = made;
  made.resolve = (value) => {
    if (isAnswer(value)) resolve(withoutHoles(value));
    else made.reject(connectionLost());
  };
  return made;
}

function isStatement(made: unknown): made is Settled {
  return made instanceof Promise && 'resolve' in made && 'reject' in made;
}

/** Whether the server has completed a command: the last one, where a text held several. */
export function isAnswer(value: unknown): boolean {
  if (!Array.isArray(value)) return true;
  if ('command' in value) return value.command !== null;
  return isAnswer(value.at(-1) ?? null);
}

/** Of several results, holes can be in the first alone. */
function withoutHoles(value: unknown): unknown {
  const rows: unknown = Array.isArray(value) && !('command' in value) ? value[0] : value;
  if (Array.isArray(rows) && rows.length > 0 && !(0 in rows))
    rows.splice(
      0,
      rows.findIndex((_, index) => index in rows),
    );
  return value;
}

export function connectionLost(): Error {
  return Object.assign(new Error('the connection was lost before Postgres had answered'), {
    code: 'CONNECTION_LOST',
  });
}
