import { defineProblems, problem, type Problem } from '@keelson/std';
import type { BmcAddressResult } from './address.ts';
import type { BmcError } from './driver.ts';

/** What can be wrong between us and a BMC. `host` is the BareMetalHost or the address, `secret` where the credentials stand. */
export const bmcProblems = defineProblems({
  unauthorized: {
    code: 'HOST.BMC_UNAUTHORIZED', severity: 'error', summary: 'host {host}: the BMC refuses the user name or password',
    next: ['correct username and password in Secret {secret}; nothing is tried again until it changes, so that the account is not locked', 'keelson host probe {address}'],
  },
  unreachable: {
    code: 'HOST.BMC_UNREACHABLE', severity: 'error', summary: 'host {host}: the BMC does not answer', graceSeconds: 30,
    next: ['keelson host probe {address}', 'check spec.bmc.address, the cable of the BMC and the route to it'],
  },
  certificate: {
    code: 'HOST.BMC_CERTIFICATE', severity: 'error', summary: 'host {host}: the certificate of the BMC is not trusted',
    next: ['give the BMC a certificate of an authority that this machine trusts', 'or set spec.bmc.disableCertificateVerification: true when the BMC network is trusted'],
  },
  forbidden: {
    code: 'HOST.BMC_FORBIDDEN', severity: 'error', summary: 'host {host}: the BMC account may not do this',
    next: ['give the account of Secret {secret} the role Administrator or Operator on the BMC', 'keelson host probe {address}'],
  },
  licence: {
    code: 'HOST.BMC_LICENCE', severity: 'error', summary: 'host {host}: the BMC wants a licence for this',
    next: ['install the licence that the vendor asks for (Supermicro DCMS, HPE iLO Advanced, Dell Enterprise, Lenovo Advanced)', 'keelson host probe {address}'],
  },
  unsupported: {
    code: 'HOST.BMC_UNSUPPORTED', severity: 'error', summary: 'host {host}: the BMC cannot do this',
    next: ['keelson host probe {address}', "update the BMC's firmware"],
  },
  notFound: {
    code: 'HOST.BMC_NO_SYSTEM', severity: 'error', summary: 'host {host}: the BMC has no such system',
    next: ['keelson host probe {address}', 'write one of the systems it names into spec.bmc.address'],
  },
  ambiguous: {
    code: 'HOST.BMC_SEVERAL_SYSTEMS', severity: 'error', summary: 'host {host}: the BMC has several systems and the address names none',
    next: ['append the path of the system to spec.bmc.address, e.g. redfish-virtualmedia://<bmc>/redfish/v1/Systems/1'],
  },
  busy: {
    code: 'HOST.BMC_BUSY', severity: 'warning', summary: 'host {host}: the BMC is not ready for this now', graceSeconds: 300,
    next: ['nothing: it is tried again', 'keelson host probe {address}'],
  },
  rejected: {
    code: 'HOST.BMC_REJECTED', severity: 'error', summary: 'host {host}: the BMC refused',
    next: ['keelson host probe {address}'],
  },
  protocol: {
    code: 'HOST.BMC_PROTOCOL', severity: 'error', summary: 'host {host}: the answer of the BMC is not Redfish',
    next: ['check that spec.bmc.address names the BMC and its port', 'keelson host probe {address}'],
  },
  addressInvalid: {
    code: 'HOST.BMC_ADDRESS_INVALID', severity: 'error', summary: 'host {host}: spec.bmc.address cannot be read',
    next: ['write it as {instead}'],
  },
  schemeUnsupported: {
    code: 'HOST.BMC_SCHEME_UNSUPPORTED', severity: 'error', summary: 'host {host}: BMC scheme "{scheme}" is not served',
    next: ['if the BMC speaks Redfish, write {instead}'],
  },
});

export interface BmcSubject {
  readonly host: string;
  readonly address: string;
  readonly secret: string;
  /** Object or file where it is to be mended. */
  readonly where?: string;
}

const definitionOf = {
  unreachable: bmcProblems.unreachable, certificate: bmcProblems.certificate, unauthorized: bmcProblems.unauthorized, forbidden: bmcProblems.forbidden,
  unsupported: bmcProblems.unsupported, 'not-found': bmcProblems.notFound, ambiguous: bmcProblems.ambiguous, busy: bmcProblems.busy,
  rejected: bmcProblems.rejected, protocol: bmcProblems.protocol,
} as const;

/** The problem behind an error of a driver. */
export function problemOfBmcError(error: BmcError, subject: BmcSubject): Problem {
  const definition = error.licence ? bmcProblems.licence : definitionOf[error.kind];
  return problem(definition, { host: subject.host, address: subject.address, secret: subject.secret }, { why: error.message, ...(subject.where ? { where: subject.where } : {}) });
}

/** The problem of an address that cannot be used. */
export function problemOfAddress(result: Extract<BmcAddressResult, { ok: false }>, subject: BmcSubject): Problem {
  const definition = result.fault === 'invalid' ? bmcProblems.addressInvalid : bmcProblems.schemeUnsupported;
  return problem(definition, { host: subject.host, address: subject.address, secret: subject.secret, scheme: result.scheme, instead: result.instead }, { why: `${JSON.stringify(subject.address)}: ${result.why}`, ...(subject.where ? { where: subject.where } : {}) });
}
