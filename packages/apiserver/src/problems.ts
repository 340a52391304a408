import { defineProblems } from '@keelson/std';

/** Problems of the API server that a user can mend. */
export const apiServerProblems = defineProblems({
  storeLocked: {
    code: 'STORE.LOCKED',
    severity: 'error',
    summary: 'the store in {directory} is in use by process {pid}',
    next: ['stop process {pid}, or give this one another folder with --data-dir'],
  },
  storeUnreadable: {
    code: 'STORE.UNREADABLE',
    severity: 'error',
    summary: 'the store in {directory} cannot be opened',
    next: ['restore the folder from a backup, or move it away and start anew'],
  },
});
