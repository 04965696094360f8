import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createForwardedReader, printAddress, truncateAddress } from '../../src/http/address.ts';
import { parseNetworks } from '../../src/config/setting.ts';

describe('an address', () => {
  it.each([
    ['7f000001', '127.0.0.1'],
    ['00000000000000000000ffffc0000207', '192.0.2.7'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['00000000000000000000000000000001', '::1'],
    ['', ''],
    ['00', ''],
  ])('of the bytes %s is %s', (hex, text) => {
    expect(printAddress(Buffer.from(hex, 'hex'))).toBe(text);
  });

  it('is always one, and so is its network', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const address = printAddress(Buffer.from(bytes));
        expect(isIP(address)).not.toBe(0);
        expect(isIP(truncateAddress(address))).not.toBe(0);
        expect(truncateAddress(truncateAddress(address))).toBe(truncateAddress(address));
      }),
    );
  });
});

describe('the address of a sender', () => {
  const read = createForwardedReader(parseNetworks('10.0.0.0/8, 192.0.2.1, 2001:db8::/32'));

  it.each([
    ['a stranger speaks for itself', '198.51.100.1', '1.1.1.1', '198.51.100.1'],
    ['a proxy names it', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ["what stands left of it is anybody's word", '10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['proxies of ours are passed over', '10.0.0.1', '198.51.100.1, 192.0.2.1, 2001:db8::7', '198.51.100.1'],
    ['what is no address ends the search', '10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
    ['without the header it is the proxy', '10.0.0.1', '', '10.0.0.1'],
    ['a connection that is gone has none', '', '198.51.100.1', ''],
  ])('%s', (_, peer, header, expected) => {
    expect(read(peer, header)).toBe(expected);
  });

  it('is an address or nothing, whatever the header says', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(isIP(read('10.0.0.1', header))).not.toBe(0);
      }),
    );
  });

  it.each(['10.0.0.0/33', '2001:db8::/129', '10.0.0', '*', '10.0.0.0/8/8', '10.0.0.0/x', '10.0.0.0/'])(
    'is not read by way of %s, which is no network',
    (text) => {
      expect(() => parseNetworks(text)).toThrow(/networks/);
    },
  );
});
