import { type LookupFunction, isIP } from 'node:net';
import { lookup } from 'node:dns';
import ipaddr from 'ipaddr.js';

export class AddressNotAllowed extends Error {
  constructor(address: string) {
    super(`${address} is no public address`);
  }
}

/**
 * Whether a receiver may have this address: a public one, or in a network that the operator allows. (Otherwise a shop could
 * make this service call what only our own network can reach.)
 */
export function isAllowedAddress(address: string, networks: readonly string[]): boolean {
  if (isIP(address) === 0) return false;
  // An IPv4 address that is written as IPv6 counts as what it is.
  const parsed = ipaddr.process(address);
  if (networks.some((network) => isIn(parsed, network))) return true;
  return parsed.range() === 'unicast';
}

export const isAllowedNetwork = (address: string, networks: readonly string[]): boolean =>
  isIP(address) !== 0 && networks.some((network) => isIn(ipaddr.process(address), network));

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  const [text, bits] = network.split('/');
  const range = ipaddr.parse(text!);
  const isSameKind = address.kind() === range.kind();
  return isSameKind && address.match(range, Number(bits ?? (range.kind() === 'ipv4' ? 32 : 128)));
}

/** The host of a URL if it is a literal address; WHATWG URLs write every spelling of IPv4 in one way. */
export function literalAddress(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? undefined : host;
}

/**
 * Looks a name up when it is connected to, and refuses addresses that are not allowed. A check beforehand would be worth
 * nothing: the name may lead elsewhere a moment later.
 */
export const guardedLookup =
  (isAllowed: (address: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      const refused = addresses.find(({ address }) => !isAllowed(address));
      if (refused) return callback(new AddressNotAllowed(refused.address), '');
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first!.address, first!.family);
    });
  };
