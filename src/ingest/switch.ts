/**
 * A switch in a query: on when it is there, whatever its value, but for 0, false, no and off. Who wrote `validate_only=yes` must
 * not find the records kept. Pure.
 */
const OFF = /^(0|false|no|off)$/i;

/** `value`: what stands behind the name, '' for nothing; null when the name is not there. */
export function isOn(value: string | null): boolean {
  return value !== null && !OFF.test(value);
}
