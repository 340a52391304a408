// IP addresses, networks and URLs: k8s.io/apiserver pkg/cel/library/{ip,cidr,urls}.go; addresses as Go's net/netip, URLs as net/url.
import type { CidrValue, IpValue, UrlValue, Value } from '../values/value.ts';
import { CelError, costSize, listOf, mapOf } from '../values/value.ts';
import type { CallCost, Overload } from './declare.ts';
import { global, member, walk } from './declare.ts';

/** Reads an address; a text says why it is none. */
function parseIp(text: string): IpValue | string {
  const failed = `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`;
  if (text.includes('%')) return `IP address ${JSON.stringify(text)} with zone value is not allowed`;
  const bits = text.includes(':') ? parse6(text) : parse4(text);
  if (bits === undefined) return failed;
  if (!text.includes(':')) return { kind: 'ip', family: 4, bits };
  if (bits >> 32n === 0xffffn) return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  return { kind: 'ip', family: 6, bits };
}

function parse4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function parse6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const read = (half: string, isLast: boolean): bigint[] | undefined => {
    if (half === '') return [];
    const groups: bigint[] = [];
    const parts = half.split(':');
    for (const [index, part] of parts.entries()) {
      if (isLast && index === parts.length - 1 && part.includes('.')) {
        const four = parse4(part);
        if (four === undefined) return undefined;
        groups.push(four >> 16n, four & 0xffffn);
      } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
      else return undefined;
    }
    return groups;
  };
  const [head = '', tail] = halves;
  const left = read(head, tail === undefined);
  const right = tail === undefined ? [] : read(tail, true);
  if (!left || !right) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...Array.from({ length: missing }, () => 0n), ...right].reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** An address in its canonical form (RFC 5952). */
export function showIp({ family, bits }: IpValue): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  let [start, length] = [-1, 1];
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && groups[to] === '0') to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  return start < 0 ? groups.join(':') : `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

function parseCidr(text: string): CidrValue | string {
  const slash = text.lastIndexOf('/');
  const failed = `network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): `;
  if (slash < 0) return `${failed}no '/'`;
  const address = parseIp(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (typeof address === 'string') return address.startsWith('IPv4-mapped') ? `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed` : `${failed}ParseAddr(${JSON.stringify(text.slice(0, slash))}): unable to parse IP`;
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits)) return `${failed}bad bits after slash: ${JSON.stringify(digits)}`;
  const prefix = Number(digits);
  return prefix > width(address) ? `${failed}prefix length out of range` : { kind: 'cidr', address, prefix };
}

const width = (address: IpValue) => (address.family === 4 ? 32 : 128);

function masked({ address, prefix }: CidrValue): CidrValue {
  const rest = BigInt(width(address) - prefix);
  return { kind: 'cidr', address: { ...address, bits: (address.bits >> rest) << rest }, prefix };
}

function holds(network: CidrValue, address: IpValue): boolean {
  const rest = BigInt(width(network.address) - network.prefix);
  return network.address.family === address.family && network.address.bits >> rest === address.bits >> rest;
}

const holdsAll = (network: CidrValue, other: CidrValue) => network.prefix <= other.prefix && holds(network, masked(other).address);

function orFail<T extends object>(found: T | string): T {
  if (typeof found === 'string') throw new CelError(found);
  return found;
}

const top = (ip: IpValue, count: number) => ip.bits >> BigInt(width(ip) - count);
const isLoopback = (ip: IpValue) => (ip.family === 4 ? top(ip, 8) === 127n : ip.bits === 1n);
const isMulticast = (ip: IpValue) => (ip.family === 4 ? top(ip, 4) === 0xen : top(ip, 8) === 0xffn);
const isLinkLocalMulticast = (ip: IpValue) => (ip.family === 4 ? top(ip, 24) === 0xe00000n : (top(ip, 16) & 0xff0fn) === 0xff02n);
const isLinkLocalUnicast = (ip: IpValue) => (ip.family === 4 ? top(ip, 16) === 0xa9fen : top(ip, 10) === 0x3fan);
const isGlobalUnicast = (ip: IpValue) => ip.bits !== 0n && !(ip.family === 4 && ip.bits === 0xffff_ffffn) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip);

/** Reads an absolute URL or an absolute path, as net/url's ParseRequestURI does; undefined when it is none. */
export function parseUrl(text: string): UrlValue | undefined {
  // Control characters and stray percent signs are refused.
  if (text === '' || /[\x00-\x1f\x7f]/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text.split('?')[0] ?? '')) return undefined;
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(text) ?? [];
  if (scheme === '' && !rest.startsWith('/')) return undefined;
  const mark = rest.indexOf('?');
  const query = mark < 0 ? '' : rest.slice(mark + 1);
  const before = mark < 0 ? rest : rest.slice(0, mark);
  if (scheme !== '' && !before.startsWith('/')) return undefined;
  const hasHost = before.startsWith('//') && (scheme !== '' || !before.startsWith('///'));
  const slash = hasHost ? before.indexOf('/', 2) : 0;
  const authority = hasHost ? before.slice(2, slash < 0 ? undefined : slash) : '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (hasHost && !isHost(host)) return undefined;
  const path = hasHost ? (slash < 0 ? '' : before.slice(slash)) : before;
  return { kind: 'url', text, scheme: scheme.toLowerCase(), host, path, query };
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return /^\[[^\]]*\](?::\d*)?$/.test(host);
  return !/[\s"<>\\^`{|}]/.test(host) && /^[^:]*(?::\d*)?$/.test(host);
}

function hostname(url: UrlValue): string {
  const bracketed = /^\[([^\]]*)\]/.exec(url.host);
  return bracketed ? (bracketed[1] ?? '') : url.host.replace(/:\d*$/, '');
}

function escapedPath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]%]/gu, (char) => encodeURIComponent(char));
}

function queryOf(url: UrlValue): Value {
  const found = new Map<string, string[]>();
  for (const part of url.query.split('&')) {
    if (part === '' || part.includes(';')) continue;
    const equals = part.indexOf('=');
    const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    try {
      const key = decode(equals < 0 ? part : part.slice(0, equals));
      found.set(key, [...(found.get(key) ?? []), equals < 0 ? '' : decode(part.slice(equals + 1))]);
    } catch (error) {
      // Go's Query() leaves out what it cannot decode.
      if (!(error instanceof URIError)) throw error;
    }
  }
  return mapOf([...found].map(([key, values]) => [key, listOf(values)] as const));
}

const walked = { cost: walk(0), ownCost: true };
const own = { ownCost: true };
const size = (value: Value | undefined) => costSize(value ?? null);
const containsIpCost = (isText: boolean): CallCost => ([cidr, other]) => Math.ceil(size(cidr) * 2 * 0.1) + (isText ? Math.ceil(size(other) * 0.1) : 0);
const containsCidrCost = (isText: boolean): CallCost => ([cidr, other]) => Math.ceil(size(cidr) * 2 * 0.1) + Math.ceil(size(cidr) * 0.1) + 1 + (isText ? Math.ceil(size(other) * 0.1) : 0);

export const networkFunctions: readonly Overload[] = [
  global('ip', ['string'], 'ip', (text) => orFail(parseIp(text)), walked),
  global('isIP', ['string'], 'bool', (text) => typeof parseIp(text) !== 'string', walked),
  global('ip.isCanonical', ['string'], 'bool', (text) => showIp(orFail(parseIp(text))) === text, { cost: walk(0, 2), ownCost: true }),
  member('family', ['ip'], 'int', (ip) => BigInt(ip.family), own),
  member('isUnspecified', ['ip'], 'bool', (ip) => ip.bits === 0n, own),
  member('isLoopback', ['ip'], 'bool', isLoopback, own),
  member('isLinkLocalMulticast', ['ip'], 'bool', isLinkLocalMulticast, own),
  member('isLinkLocalUnicast', ['ip'], 'bool', isLinkLocalUnicast, own),
  member('isGlobalUnicast', ['ip'], 'bool', isGlobalUnicast, own),
  global('string', ['ip'], 'string', showIp),
  global('cidr', ['string'], 'cidr', (text) => orFail(parseCidr(text)), walked),
  global('isCIDR', ['string'], 'bool', (text) => typeof parseCidr(text) !== 'string', walked),
  member('containsIP', ['cidr', 'string'], 'bool', (cidr, text) => holds(cidr, orFail(parseIp(text))), { cost: containsIpCost(true) }),
  member('containsIP', ['cidr', 'ip'], 'bool', holds, { cost: containsIpCost(false) }),
  member('containsCIDR', ['cidr', 'string'], 'bool', (cidr, text) => holdsAll(cidr, orFail(parseCidr(text))), { cost: containsCidrCost(true) }),
  member('containsCIDR', ['cidr', 'cidr'], 'bool', holdsAll, { cost: containsCidrCost(false) }),
  member('ip', ['cidr'], 'ip', ({ address }) => address),
  member('prefixLength', ['cidr'], 'int', ({ prefix }) => BigInt(prefix), own),
  member('masked', ['cidr'], 'cidr', masked, own),
  global('string', ['cidr'], 'string', ({ address, prefix }) => `${showIp(address)}/${prefix}`),
  global('url', ['string'], 'url', (text) => {
    const found = parseUrl(text);
    if (found) return found;
    throw new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`);
  }, walked),
  global('isURL', ['string'], 'bool', (text) => parseUrl(text) !== undefined),
  member('getScheme', ['url'], 'string', (url) => url.scheme, own),
  member('getHost', ['url'], 'string', (url) => url.host, own),
  member('getHostname', ['url'], 'string', hostname, own),
  member('getPort', ['url'], 'string', (url) => /:(\d*)$/.exec(url.host)?.[1] ?? '', own),
  member('getEscapedPath', ['url'], 'string', (url) => escapedPath(url.path), own),
  member('getQuery', ['url'], 'map<string, list<string>>', queryOf, own),
];
