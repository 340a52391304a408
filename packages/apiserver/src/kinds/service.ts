// Cluster IPs and node ports of Services: kubernetes/pkg/registry/core/service/storage/alloc.go, IPv4 only.
import type { KubeObject } from '@keelson/kube';
import { checkDns1035Label } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { duplicate, invalid, required } from '@keelson/kube/schema';
import type { Store } from '../store/store.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Draft, Reservation } from './strategy.ts';
import type { Fields } from './fields.ts';
import { ensureFields, fieldsAt, isSame, listAt, numberAt, textAt, textsAt } from './fields.ts';
import { oneOf } from './validation.ts';

export const serviceKeyPrefix = 'core/services/';
const nodePorts = { first: 30_000, last: 32_767 } as const;

export interface ServiceAllocator {
  reserve(object: Draft, old: KubeObject | undefined): Reservation;
  released(object: KubeObject): void;
}

/**
 * Gives Services their addresses and node ports while they are created. What is taken is read from the store at the first use and kept up
 * to date by the writes after that. `cidr` is an IPv4 range such as 10.96.0.0/16.
 */
export function createServiceAllocator(store: Store, cidr: string): ServiceAllocator {
  const [base = '', bits = ''] = cidr.split('/');
  const first = toNumber(base);
  const size = 2 ** (32 - Number(bits));
  let taken: { ips: Set<string>; ports: Set<number> } | undefined;
  const known = () => {
    if (taken) return taken;
    taken = { ips: new Set(), ports: new Set() };
    for (const entry of store.list({ prefix: serviceKeyPrefix }).entries) addAll(taken, decodeObject(entry.value));
    return taken;
  };
  // The first address is the API server's own Service; the search goes on where it last ended.
  let nextIp = 10;
  let nextPort: number = nodePorts.first;
  const freeIp = (): string | undefined => {
    const { ips } = known();
    for (let tried = 0; tried < size - 2; tried++) {
      nextIp = nextIp >= size - 2 ? 1 : nextIp + 1;
      const ip = toText(first + nextIp);
      if (!ips.has(ip)) return ip;
    }
    return undefined;
  };
  const freePort = (): number | undefined => {
    const { ports } = known();
    for (let tried = 0; tried <= nodePorts.last - nodePorts.first; tried++) {
      nextPort = nextPort >= nodePorts.last ? nodePorts.first : nextPort + 1;
      if (!ports.has(nextPort)) return nextPort;
    }
    return undefined;
  };
  const isInRange = (ip: string) => {
    const number = toNumber(ip);
    return number > first && number < first + size - 1;
  };

  return {
    reserve(object, old) {
      const errors: FieldError[] = [];
      const claims = { ips: new Set<string>(), ports: new Set<number>() };
      const own = { ips: new Set<string>(), ports: new Set<number>() };
      if (old) addAll(own, old);
      const claimIp = (ip: string) => {
        if (own.ips.has(ip)) return;
        if (known().ips.has(ip)) errors.push(invalid('spec.clusterIPs', [ip], `failed to allocate IP ${ip}: provided IP is already allocated`));
        else if (!isInRange(ip)) errors.push(invalid('spec.clusterIPs', [ip], `failed to allocate IP ${ip}: the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${cidr}`));
        else claims.ips.add(ip);
      };
      fillIp(object, old, freeIp, claimIp, errors);
      fillPorts(object, old, freePort, known().ports, own.ports, claims.ports, errors);
      if (errors.length === 0) {
        for (const ip of claims.ips) known().ips.add(ip);
        for (const port of claims.ports) known().ports.add(port);
      }
      const isKept = errors.length > 0;
      return {
        errors,
        release() {
          if (isKept) return;
          for (const ip of claims.ips) taken?.ips.delete(ip);
          for (const port of claims.ports) taken?.ports.delete(port);
        },
      };
    },
    released(object) {
      if (!taken) return;
      const gone = { ips: new Set<string>(), ports: new Set<number>() };
      addAll(gone, object);
      for (const ip of gone.ips) taken.ips.delete(ip);
      for (const port of gone.ports) taken.ports.delete(port);
    },
  };
}

function needsIp(spec: Fields): boolean {
  return textAt(spec, 'type') !== 'ExternalName';
}

function fillIp(object: Draft, old: KubeObject | undefined, freeIp: () => string | undefined, claim: (ip: string) => void, errors: FieldError[]): void {
  const spec = ensureFields(object, 'spec');
  if (!needsIp(spec)) {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[field];
    return;
  }
  const before = fieldsAt(old, 'spec');
  const kept = before && needsIp(before) ? textAt(before, 'clusterIP') : undefined;
  // A client that leaves the address out keeps the one that is there.
  let ip = textAt(spec, 'clusterIP') || textsAt(spec, 'clusterIPs')[0] || kept;
  if (!ip) {
    ip = freeIp();
    if (!ip) {
      errors.push(invalid('spec.clusterIPs', [], 'failed to allocate a serviceIP: range is full'));
      return;
    }
  }
  if (ip !== 'None') claim(ip);
  const isHeadlessWithoutSelector = ip === 'None' && !fieldsAt(spec, 'selector');
  Object.assign(spec, { clusterIP: ip, clusterIPs: [ip] });
  spec['ipFamilies'] ??= ['IPv4'];
  spec['ipFamilyPolicy'] ??= isHeadlessWithoutSelector ? 'RequireDualStack' : 'SingleStack';
  if (isHeadlessWithoutSelector && textsAt(spec, 'ipFamilies').length === 1) spec['ipFamilyPolicy'] = 'SingleStack';
}

function fillPorts(
  object: Draft,
  old: KubeObject | undefined,
  freePort: () => number | undefined,
  taken: ReadonlySet<number>,
  own: ReadonlySet<number>,
  claims: Set<number>,
  errors: FieldError[],
): void {
  const spec = ensureFields(object, 'spec');
  const type = textAt(spec, 'type');
  const isExposed = type === 'NodePort' || (type === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
  const before = listAt(fieldsAt(old, 'spec'), 'ports');
  listAt(spec, 'ports').forEach((port, index) => {
    if (!isExposed && type !== 'LoadBalancer') {
      delete port['nodePort'];
      return;
    }
    const wanted = numberAt(port, 'nodePort') || numberAt(before.find((one) => one['port'] === port['port'] && one['protocol'] === port['protocol']), 'nodePort');
    const path = `spec.ports[${index}].nodePort`;
    if (wanted) {
      if (wanted < nodePorts.first || wanted > nodePorts.last) errors.push(invalid(path, wanted, `provided port is not in the valid range. The range of valid ports is ${nodePorts.first}-${nodePorts.last}`));
      else if ((taken.has(wanted) && !own.has(wanted)) || claims.has(wanted)) errors.push(invalid(path, wanted, 'provided port is already allocated'));
      else if (!own.has(wanted)) claims.add(wanted);
      port['nodePort'] = wanted;
      return;
    }
    if (!isExposed) return;
    let found = freePort();
    while (found !== undefined && claims.has(found)) found = freePort();
    if (found === undefined) errors.push(invalid(path, 0, 'failed to allocate a nodePort: range is full'));
    else {
      claims.add(found);
      port['nodePort'] = found;
    }
  });
}

function addAll(to: { ips: Set<string>; ports: Set<number> }, service: KubeObject): void {
  const spec = fieldsAt(service, 'spec');
  for (const ip of textsAt(spec, 'clusterIPs')) if (ip !== 'None' && ip !== '') to.ips.add(ip);
  for (const port of listAt(spec, 'ports')) {
    const number = numberAt(port, 'nodePort');
    if (number) to.ports.add(number);
  }
}

function toNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

export function validateService(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const errors = oneOf(spec?.['type'], 'spec.type', ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']);
  errors.push(...oneOf(spec?.['sessionAffinity'], 'spec.sessionAffinity', ['ClientIP', 'None']));
  const ports = listAt(spec, 'ports');
  const isHeadless = textAt(spec, 'clusterIP') === 'None';
  const type = textAt(spec, 'type');
  if (ports.length === 0 && type !== 'ExternalName' && !isHeadless) errors.push(required('spec.ports'));
  if (type === 'ExternalName' && !textAt(spec, 'externalName')) errors.push(required('spec.externalName'));
  const names = new Set<string>();
  const used = new Set<string>();
  ports.forEach((port, index) => {
    const path = `spec.ports[${index}]`;
    const number = numberAt(port, 'port') ?? 0;
    if (number < 1 || number > 65535) errors.push(invalid(`${path}.port`, number, 'must be between 1 and 65535, inclusive'));
    errors.push(...oneOf(port['protocol'], `${path}.protocol`, ['SCTP', 'TCP', 'UDP']));
    const name = textAt(port, 'name') ?? '';
    if (name === '' && ports.length > 1) errors.push(required(`${path}.name`));
    else if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
    names.add(name);
    const key = `${number}/${String(port['protocol'])}`;
    if (used.has(key)) errors.push(duplicate(path, port));
    used.add(key);
  });
  return errors;
}

/** A cluster IP stays as long as the Service needs one. */
export function validateServiceUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const now = fieldsAt(object, 'spec');
  const before = fieldsAt(old, 'spec');
  if (!now || !before || !needsIp(now) || !needsIp(before)) return [];
  const wanted = textAt(now, 'clusterIP');
  if (!wanted || isSame(wanted, before['clusterIP'])) return [];
  return [invalid('spec.clusterIPs[0]', [wanted], 'may not change once set')];
}

export const checkServiceName = checkDns1035Label;
