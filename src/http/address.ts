/**
 * Where a request comes from. The peer's own address, unless the peer is a trusted proxy: then X-Forwarded-For is
 * read from its right end, which the nearest proxy wrote, to the first address that is no trusted proxy. What stands
 * left of that, anybody can have written.
 */
import { BlockList, isIP, SocketAddress } from 'node:net';

/** 4 or 16 bytes -> text; IPv4 in IPv6's clothes is shown as IPv4. '' for any other length. */
export function printAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const isMapped = bytes.readBigUInt64BE(0) === 0n && bytes.readUInt32BE(8) === 0xffff;
  if (isMapped) return bytes.subarray(12).join('.');
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/** `trusted`: networks with a prefix length, '10.0.0.0/8'. */
export function createForwardedReader(trusted: readonly string[]) {
  const networks = new BlockList();
  for (const network of trusted) {
    const [address = '', bits = ''] = network.split('/');
    networks.addSubnet(address, Number(bits), familyOf(address));
  }
  const isTrusted = (address: string): boolean => networks.check(address, familyOf(address));

  return (peer: string, forwardedFor: string): string => {
    if (peer === '' || !isTrusted(peer)) return peer;
    let nearest = peer;
    for (const entry of forwardedFor.split(',').toReversed()) {
      const address = entry.trim();
      if (isIP(address) === 0) return nearest;
      nearest = address;
      if (!isTrusted(address)) return address;
    }
    return nearest;
  };
}

/** The network that an address belongs to, for keeping: /24, or /48 for IPv6. '' stays ''. */
export function truncateAddress(address: string): string {
  if (isIP(address) === 4) return `${address.split('.').slice(0, 3).join('.')}.0`;
  if (isIP(address) !== 6) return '';
  const [left = '', right = ''] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === '' ? [] : right.split(':');
  const gap = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  const groups = [...head, ...(address.includes('::') ? gap : []), ...tail].slice(0, 3);
  return new SocketAddress({ address: `${groups.join(':')}::`, family: 'ipv6' }).address;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
