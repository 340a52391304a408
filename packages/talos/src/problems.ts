import { defineProblems } from '@keelson/std';

/** What can be wrong between us and a Talos node, and what its user can do. */
export const talosProblems = defineProblems({
  unreachable: {
    code: 'TALOS.UNREACHABLE',
    severity: 'error',
    summary: 'the Talos API of {address} does not answer',
    next: ['check that the machine is on and has this address', 'check that port 50000 is open between here and the machine'],
    graceSeconds: 30,
  },
  untrusted: {
    code: 'TALOS.UNTRUSTED',
    severity: 'error',
    summary: '{address} does not present the expected certificate',
    next: ['the machine may still be in maintenance mode or belong to another cluster: compare its certificate with the talosconfig'],
    graceSeconds: 30,
  },
  unauthorized: {
    code: 'TALOS.UNAUTHORIZED',
    severity: 'error',
    summary: '{address} refuses our certificate for {method}',
    next: ['renew the client certificate in the talosconfig Secret; its organization must be os:admin'],
  },
  notInMaintenance: {
    code: 'TALOS.NOT_IN_MAINTENANCE',
    severity: 'error',
    summary: '{address} is not in maintenance mode',
    next: ['the machine is configured already: use its talosconfig, or reset it'],
  },
  inMaintenance: {
    code: 'TALOS.IN_MAINTENANCE',
    severity: 'warning',
    summary: '{address} is in maintenance mode: {method} is not available',
    next: ['apply a machine configuration first'],
  },
  notReady: {
    code: 'TALOS.NOT_READY',
    severity: 'info',
    summary: '{address} is not ready for {method} yet',
    next: ['wait: it is tried again'],
    graceSeconds: 60,
  },
  invalidConfig: {
    code: 'TALOS.INVALID_CONFIG',
    severity: 'error',
    summary: '{address} refuses the machine configuration',
    next: ['correct the fields it names in the machine configuration or its patches'],
  },
  unsupported: {
    code: 'TALOS.UNSUPPORTED',
    severity: 'error',
    summary: '{address} does not offer {method}',
    next: ['check the Talos version and the role of the machine'],
  },
  failed: {
    code: 'TALOS.CALL_FAILED',
    severity: 'error',
    summary: '{method} failed on {address}',
    next: ['read the machine\'s log: talosctl logs machined'],
  },
  badSecrets: {
    code: 'TALOS.BAD_SECRETS',
    severity: 'error',
    summary: 'the secrets bundle cannot be used',
    next: ['restore the Secret from a backup; a new bundle means a new cluster'],
  },
  badTalosconfig: {
    code: 'TALOS.BAD_TALOSCONFIG',
    severity: 'error',
    summary: 'the talosconfig cannot be used',
    next: ['restore the talosconfig Secret, or let it be issued again from the secrets bundle'],
  },
  badConfig: {
    code: 'TALOS.BAD_CONFIG',
    severity: 'error',
    summary: 'the machine configuration is not valid',
    next: ['correct the named fields'],
  },
  badPatch: {
    code: 'TALOS.BAD_PATCH',
    severity: 'error',
    summary: 'patch {patch} cannot be applied to the machine configuration',
    next: ['correct the patch'],
  },
});
