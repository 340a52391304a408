import { defineProblems } from '@keelson/std';

export const labProblems = defineProblems({
  fileMissing: {
    code: 'LAB.FILE_MISSING',
    severity: 'error',
    summary: 'there is no lab file at {file}',
    next: ['give the folder of a datacenter that has a lab.yaml, e.g. keelson up --lab examples/datacenter'],
  },
  fileInvalid: {
    code: 'LAB.FILE_INVALID',
    severity: 'error',
    summary: 'the lab file {file} cannot be used',
    next: ['correct {where}'],
  },
  networkTaken: {
    code: 'LAB.NETWORK_TAKEN',
    severity: 'error',
    summary: 'no free network for the lab',
    next: ['stop another lab, or name a free network: --lab-network 127.99.0.0/16'],
  },
  stateUnreadable: {
    code: 'LAB.STATE_UNREADABLE',
    severity: 'error',
    summary: 'the state of lab {what} cannot be read',
    next: ['keelson lab reset'],
  },
  gitFailed: {
    code: 'LAB.GIT_FAILED',
    severity: 'error',
    summary: 'the lab repository cannot be made',
    next: ['check that git runs: git --version', 'keelson lab reset'],
  },
});
