import { resolve } from 'node:path';
import { rfc3339 } from '@keelson/std';
import { parseCommand, usageError, type Command } from '../../arguments.ts';
import { dataDirOf } from '../../connect.ts';
import { exitCode } from '../../output/failure.ts';
import { worldOf } from '../../world.ts';
import { keyCopyOf, readKeyFile } from './state.ts';

const options = { confirm: { type: 'string' } } as const;

export const storeRestoreCommand: Command = {
  name: 'store restore',
  summary: 'Puts a backup into an empty data directory, or in the place of a store.',
  usage: 'store restore FILE [--data-dir DIR] [--confirm DIR]',
  examples: ['keelson store restore keelson.backup --data-dir /srv/keelson', 'keelson store restore keelson.backup --confirm .keelson'],
  options,
  optionHelp: { confirm: 'repeat the data directory to replace the store in it, which is kept aside' },
  async run(context) {
    const { values, positionals } = parseCommand('store restore', context, options);
    const [name] = positionals;
    if (!name || positionals.length > 1) throw usageError('store restore', 'name the backup: keelson store restore keelson.backup');
    const dataDir = dataDirOf(values['data-dir'], context.cwd);
    if (values.confirm !== undefined && resolve(context.cwd, values.confirm) !== dataDir) throw usageError('store restore', `--confirm ${values.confirm} is not the data directory ${dataDir}`);
    const file = resolve(context.cwd, name);
    const { files, clock } = await worldOf(context);
    const [{ addKeys, restoreStore }, { encryptionKeyFile, storeDirectory }] = await Promise.all([import('@keelson/apiserver/store'), import('@keelson/server')]);
    const keyPath = encryptionKeyFile(dataDir);
    const [own, brought] = [await readKeyFile(files, keyPath), await readKeyFile(files, keyCopyOf(file))];
    const text = own && brought ? addKeys(own.text, brought.text) : (own ?? brought)?.text;
    const { parseKeyFile } = await import('@keelson/apiserver/store');
    const directory = storeDirectory(dataDir);
    const aside = `${directory}.before-${rfc3339(clock.now()).replace(/[-:]/g, '')}`;
    const isThere = (await files.read(`${directory}/data.mdb`)) !== undefined;
    const report = await restoreStore({ file, directory, keys: text === undefined ? undefined : parseKeyFile(text), ...(values.confirm !== undefined && { moveOldTo: aside }) });
    if (text !== undefined && text !== own?.text) await files.write(keyPath, text, { mode: 0o600 });
    context.err(`${report.objects} objects of revision ${report.revision} are restored in ${dataDir}.\n`);
    if (isThere) context.err(`The store that was there is in ${aside}.\n`);
    if (text === undefined && report.sealed.size > 0) context.err(`Its Secrets are sealed, and their key is not here: put it at ${keyPath} before Keelson starts.\n`);
    context.err('Keelson sees machines as they are now and goes on from there: keelson up\n');
    return exitCode.done;
  },
};
