/**
 * Cross-origin protection of requests that a browser may send with somebody's cookie: Fetch Metadata first, then
 * Origin against Host, as Go's CrossOriginProtection does it. A request without either is no browser's: it passes.
 * Like HitKeep it answers 404. Pure.
 */
import { refuse, type Refusal } from '../refusal.ts';

const CROSS_ORIGIN = refuse(
  'cross_origin',
  'Not found: a browser sent this from a page of another origin. Use a page of this origin, or no browser.',
);

/** The headers that `judgeOrigin` reads. */
export const ORIGIN_FIELDS = ['sec-fetch-site', 'origin', 'host'] as const;

/** `publicUrl`: an origin that is this instance's own although the Host header, behind a proxy, may differ. */
export function judgeOrigin(
  method: string,
  fields: Readonly<Record<string, string>>,
  publicUrl: string,
): Refusal | null {
  if (method === 'get') return null;
  const { 'sec-fetch-site': site = '', origin = '', host = '' } = fields;
  if (site === 'same-origin' || site === 'none') return null;
  if (site !== '') return CROSS_ORIGIN;
  if (origin === '' || origin === publicUrl) return null;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase() ? null : CROSS_ORIGIN;
}
