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
  storeKeyMissing: {
    code: 'STORE.KEY_MISSING',
    severity: 'error',
    summary: 'the Secrets in {store} are sealed, and their key is gone',
    next: ['put the key file back at {keyFile}, from wherever it is kept apart from the backups', 'without it only a backup made with --with-key, or an empty data directory, goes on'],
  },
  storeKeyWrong: {
    code: 'STORE.KEY_WRONG',
    severity: 'error',
    summary: 'the keys in {keyFile} do not open the Secrets in {store}',
    next: ['put the key that sealed them back, as one more line of {keyFile}', 'keelson store check'],
  },
  storeDamaged: {
    code: 'STORE.DAMAGED',
    severity: 'error',
    summary: 'what {store} holds is damaged',
    next: ['keelson store check', 'keelson store restore FILE, with the newest backup that checks well'],
  },
  storeNotEmpty: {
    code: 'STORE.NOT_EMPTY',
    severity: 'error',
    summary: 'the data directory has a store already',
    next: ['restore into another one: --data-dir DIR', 'or replace it, keeping it aside: --confirm DIR, with the data directory'],
  },
  backupExists: {
    code: 'STORE.BACKUP_EXISTS',
    severity: 'error',
    summary: '{file} is there already',
    next: ['name another file, or remove it'],
  },
  backupDamaged: {
    code: 'STORE.BACKUP_DAMAGED',
    severity: 'error',
    summary: '{file} is no whole backup',
    next: ['take another backup; keelson store check FILE says whether it is whole'],
  },
});
