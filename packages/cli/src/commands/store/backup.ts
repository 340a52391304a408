import { resolve } from 'node:path';
import { problem } from '@keelson/std';
import { parseCommand, usageError, type Command } from '../../arguments.ts';
import { dataDirOf } from '../../connect.ts';
import { CommandError, exitCode } from '../../output/failure.ts';
import { cliProblems } from '../../problems.ts';
import { worldOf } from '../../world.ts';
import { keyCopyOf, readKeyFile, renderFindings } from './state.ts';

const options = { 'with-key': { type: 'boolean' } } as const;

export const storeBackupCommand: Command = {
  name: 'store backup',
  summary: 'Writes everything the store holds into a file, also while Keelson runs on it.',
  usage: 'store backup FILE [--with-key] [--data-dir DIR]',
  examples: ['keelson store backup keelson.backup', 'keelson store backup /mnt/backup/keelson-monday --with-key'],
  options,
  optionHelp: { 'with-key': 'write the key of the Secrets beside it, as FILE.key; who has both can read them' },
  async run(context) {
    const { values, positionals } = parseCommand('store backup', context, options);
    const [name] = positionals;
    if (!name || positionals.length > 1) throw usageError('store backup', 'name one file to write: keelson store backup keelson.backup');
    const file = resolve(context.cwd, name);
    const dataDir = dataDirOf(values['data-dir'], context.cwd);
    const { files } = await worldOf(context);
    const [{ backupStore, checkBackup }, { encryptionKeyFile, storeDirectory }] = await Promise.all([import('@keelson/apiserver/store'), import('@keelson/server')]);
    const keyFile = await readKeyFile(files, encryptionKeyFile(dataDir));
    if (values['with-key'] && !keyFile) throw new CommandError(problem(cliProblems.noStoreKey, { path: encryptionKeyFile(dataDir) }, { why: 'the file does not exist', where: encryptionKeyFile(dataDir) }));
    await backupStore(storeDirectory(dataDir), file);
    if (values['with-key'] && keyFile) await files.write(keyCopyOf(file), keyFile.text, { mode: 0o600 });
    const report = await checkBackup(file, keyFile?.keys);
    context.err(`${report.objects} objects at revision ${report.revision} are in ${file}.\n`);
    if (report.sealed.size > 0) {
      context.err(values['with-key'] ? `The key of its Secrets is in ${keyCopyOf(file)}.\n` : `The key of its Secrets is not: keep a copy of ${encryptionKeyFile(dataDir)} elsewhere.\n`);
    }
    if (report.findings.length === 0) return exitCode.done;
    context.out(renderFindings(report, context.width));
    throw new CommandError(problem(cliProblems.storeFindings, { what: file }, { why: `${report.findings.length + report.moreFindings} records are not as they must be, and were not in the store`, where: storeDirectory(dataDir) }), exitCode.no);
  },
};
