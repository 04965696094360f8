/** What comes next: at once when a value is there, else when it is. No promise where there is nothing to wait for. */
export function after<T, R>(value: T | Promise<T>, proceed: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then((settled) => proceed(settled)) : proceed(value);
}
