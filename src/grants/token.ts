/**
 * The token's text: how it is made, told from a typing error, hashed and shown. Pure.
 *
 * Sluice's tokens are `slc_` + 43 base62 digits (256 random bits) + 6 base62 digits (CRC-32 of all before), so that
 * a mistyped or invented one is refused without a look-up, and scanners can recognise a leaked one. HitKeep's
 * tokens, 64 hexadecimal digits, keep working: any other printable text is looked up as it is. With 256 random
 * bits an unsalted SHA-256 is the right hash to store (NIST SP 800-63B 5.1.2.2).
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'slc_';
const RANDOM_BYTES = 32;
const RANDOM_DIGITS = 43;
const CHECK_DIGITS = 6;
const TOKEN_LENGTH = PREFIX.length + RANDOM_DIGITS + CHECK_DIGITS;
/** Nothing longer is hashed or looked up. */
export const TOKEN_LENGTH_MAX = 128;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE62 = /^[0-9A-Za-z]+$/;
const BEARER = 'bearer ';

/** `random` is 32 bytes from a cryptographic source. */
export function createToken(random: Buffer): string {
  if (random.length !== RANDOM_BYTES) throw new RangeError(`a token takes ${RANDOM_BYTES} random bytes`);
  const body = PREFIX + writeBase62(BigInt(`0x${random.toString('hex')}`), RANDOM_DIGITS);
  return body + checkDigits(body);
}

/** Lower-case hex SHA-256 of the text: what is stored, and the key of every cache. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/** False when no look-up can find it: wrong length, alphabet or checksum. */
export function isPossibleToken(token: string): boolean {
  if (!token.startsWith(PREFIX)) return token.length <= TOKEN_LENGTH_MAX && isPrintable(token);
  if (token.length !== TOKEN_LENGTH || !BASE62.test(token.slice(PREFIX.length))) return false;
  return token.slice(-CHECK_DIGITS) === checkDigits(token.slice(0, -CHECK_DIGITS));
}

/** For display: enough to tell tokens apart, far too little to use one. */
export function hintToken(token: string): string {
  const prefix = token.startsWith(PREFIX) ? PREFIX : '';
  return `${prefix}…${token.slice(-4)}`;
}

/**
 * The token of a request, or null. `Authorization: Bearer`, the scheme in any case; an Authorization of another
 * scheme, or without a token, falls through to X-Api-Key. '' = the header is absent.
 */
export function readCredential(authorization: string, apiKey: string): string | null {
  if (
    authorization.length > BEARER.length &&
    authorization.slice(0, BEARER.length).toLowerCase() === BEARER
  ) {
    const token = authorization.slice(BEARER.length).trim();
    if (token !== '') return token;
  }
  const key = apiKey.trim();
  return key === '' ? null : key;
}

function checkDigits(body: string): string {
  return writeBase62(BigInt(crc32(body)), CHECK_DIGITS);
}

function writeBase62(number: bigint, length: number): string {
  let digits = '';
  for (let rest = number; digits.length < length; rest /= 62n)
    digits = DIGITS.charAt(Number(rest % 62n)) + digits;
  return digits;
}

function isPrintable(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return text.length > 0;
}
