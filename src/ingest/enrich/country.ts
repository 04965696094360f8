/** Address -> country, from data that comes with the package @ip-location-db/geo-whois-asn-country-mmdb (CC0). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { LRUCache } from 'lru-cache';
import { Reader } from 'mmdb-lib';

/** ISO 3166-1 alpha-2, or null when the data does not know the address. */
export type CountryOf = (address: string) => string | null;

interface CountryRecord {
  readonly country_code?: string;
}

/** Visitors come back: a look-up in the tree costs microseconds, one in the cache a tenth of that. */
const ADDRESSES_MAX = 10_000;
const UNKNOWN = '';

/** Reads 8 MB into memory, once. */
export function createCountries(): CountryOf {
  const file = createRequire(import.meta.url).resolve(
    '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
  );
  const reader = new Reader<never>(readFileSync(file));
  const known = new LRUCache<string, string>({ max: ADDRESSES_MAX });
  return (address) => {
    const cached = known.get(address);
    if (cached !== undefined) return cached === UNKNOWN ? null : cached;
    const found = (reader.get(plainAddress(address)) as CountryRecord | null)?.country_code ?? UNKNOWN;
    known.set(address, found);
    return found === UNKNOWN ? null : found;
  };
}

/** The data knows neither zones (fe80::1%eth0) nor IPv4 written as IPv6 (::ffff:192.0.2.1). */
function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice(7) : bare;
}
