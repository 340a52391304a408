/**
 * BMC addresses of a BareMetalHost, as metal3's baremetal-operator reads them: `[driver[+transport]://]host[:port][/system path]`.
 * No scheme means ipmi; https is the default transport.
 */
export interface BmcAddress {
  /** The scheme without its transport, in lower case: `redfish-virtualmedia`. */
  readonly scheme: string;
  /** `https://host:port` or `http://host:port`. */
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  /** Absent when the address names no system. */
  readonly systemPath?: string;
}

export type BmcAddressResult =
  | { readonly ok: true; readonly address: BmcAddress }
  /** `unsupported` schemes are valid for upstream and not served by us; `instead` is what to write. */
  | { readonly ok: false; readonly fault: 'invalid' | 'unsupported' | 'removed'; readonly scheme: string; readonly why: string; readonly instead: string };

interface SchemeRow {
  readonly support: 'redfish' | 'unsupported' | 'removed';
  readonly why?: string;
}

/** Schemes of baremetal-operator main (2026-08) and those it has dropped. */
export const bmcSchemes: Readonly<Record<string, SchemeRow>> = {
  redfish: { support: 'redfish' },
  'redfish-virtualmedia': { support: 'redfish' },
  'idrac-redfish': { support: 'redfish' },
  'idrac-virtualmedia': { support: 'redfish' },
  'ilo5-redfish': { support: 'redfish' },
  'ilo5-virtualmedia': { support: 'redfish' },
  'redfish-uefihttp': { support: 'unsupported', why: 'UEFI HTTP boot is not served yet' },
  ipmi: { support: 'unsupported', why: 'IPMI has no virtual media and network boot is not served yet' },
  libvirt: { support: 'unsupported', why: 'it stands for IPMI through virtualbmc, and IPMI is not served yet' },
  idrac: { support: 'removed', why: 'the WS-Management driver was removed upstream' },
  ilo4: { support: 'removed', why: 'the iLO 4 driver was removed upstream' },
  'ilo4-virtualmedia': { support: 'removed', why: 'the iLO 4 driver was removed upstream' },
  ilo5: { support: 'removed', why: 'the iLO 5 driver was removed upstream' },
  irmc: { support: 'removed', why: 'the iRMC driver was removed upstream' },
  ibmc: { support: 'removed', why: 'the iBMC driver was removed upstream' },
};

/** Reads spec.bmc.address. Pure; never throws. */
export function parseBmcAddress(text: string): BmcAddressResult {
  const trimmed = text.trim();
  const bad = (why: string, scheme = ''): BmcAddressResult => ({
    ok: false, fault: 'invalid', scheme, why, instead: 'redfish-virtualmedia://<host>/redfish/v1/Systems/<id>',
  });
  if (trimmed === '') return bad('the address is empty');
  const match = /^([A-Za-z][A-Za-z0-9.-]*)(?:\+([A-Za-z]+))?:\/\/(.*)$/.exec(trimmed);
  const scheme = match ? match[1]!.toLowerCase() : 'ipmi';
  const transport = match?.[2]?.toLowerCase() ?? 'https';
  const rest = match ? match[3]! : trimmed;
  const row = Object.hasOwn(bmcSchemes, scheme) ? bmcSchemes[scheme] : undefined;
  if (!row && (scheme === 'http' || scheme === 'https')) return bad(`"${scheme}" is no BMC scheme`, scheme);
  if (!row) return bad(`unknown BMC scheme "${scheme}"`, scheme);
  if (transport !== 'http' && transport !== 'https') return bad(`unknown transport "+${transport}"`, scheme);
  const place = parsePlace(rest, transport);
  if (typeof place === 'string') return bad(place, scheme);
  if (row.support !== 'redfish') {
    const implied = match ? '' : ' (an address without a scheme means ipmi)';
    const system = place.systemPath ?? '/redfish/v1/Systems/<id>';
    return {
      ok: false, fault: row.support, scheme, why: `${row.why ?? 'not served'}${implied}`,
      instead: `redfish-virtualmedia://${new URL(place.origin).hostname}${system}`,
    };
  }
  return { ok: true, address: { scheme, ...place } };
}

function parsePlace(rest: string, transport: 'http' | 'https'): Omit<BmcAddress, 'scheme'> | string {
  let url: URL;
  try {
    url = new URL(`${transport}://${rest}`);
  } catch {
    return `"${rest}" is not host[:port][/path]`;
  }
  if (url.hostname === '') return 'the host is missing';
  if (url.username !== '' || url.password !== '') return 'credentials do not belong into the address but into the Secret named by credentialsName';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (transport === 'https' ? 443 : 80) : Number(url.port);
  const origin = `${transport}://${url.hostname}:${port}`;
  const path = url.pathname.replace(/\/+$/, '');
  // The root of the service names no system: the only one is looked for.
  if (path === '' || path === '/redfish' || path === '/redfish/v1' || path === '/redfish/v1/Systems') return { host, port, origin };
  if (/\/Managers\//.test(path)) return `"${path}" is a manager; the path must name the system, e.g. /redfish/v1/Systems/1`;
  return { host, port, origin, systemPath: path };
}
