/** Addresses of the pod network: a /24 of the cluster's pod subnet per node, and one address in it per pod. IPv4. */

/** The lowest free /24 for a node; undefined when the subnet is full or is no IPv4 subnet. */
export function nextPodCidr(podSubnet: string, taken: readonly string[]): string | undefined {
  const subnet = parseCidr(podSubnet);
  if (!subnet || subnet.bits > 24) return undefined;
  const count = 2 ** (24 - subnet.bits);
  for (let index = 0; index < count; index++) {
    const cidr = `${formatAddress(subnet.base + index * 256)}/24`;
    if (!taken.includes(cidr)) return cidr;
  }
  return undefined;
}

/** The lowest free address of a node's range; the first is the bridge's. Undefined when all are taken. */
export function nextPodAddress(podCidr: string, taken: ReadonlySet<string>): string | undefined {
  const range = parseCidr(podCidr);
  if (!range) return undefined;
  const last = 2 ** (32 - range.bits) - 2;
  for (let offset = 2; offset <= last; offset++) {
    const address = formatAddress(range.base + offset);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

/** An address of a subnet by its position: 1 is the first host. */
export function addressAt(subnet: string, offset: number): string | undefined {
  const range = parseCidr(subnet);
  return range && offset < 2 ** (32 - range.bits) ? formatAddress(range.base + offset) : undefined;
}

function parseCidr(text: string): { base: number; bits: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (!match) return undefined;
  const bytes = match.slice(1, 5).map(Number);
  const bits = Number(match[5]);
  if (bits > 32 || bytes.some((byte) => byte > 255)) return undefined;
  const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - bits);
  return { base: Math.floor(address / size) * size, bits };
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
