import { resolve } from 'node:path';
import { problem } from '@keelson/std';
import type { CheckReport, EncryptionKeys } from '@keelson/apiserver/store';
import { parseCommand, usageError, type Command } from '../../arguments.ts';
import { dataDirOf } from '../../connect.ts';
import { CommandError, exitCode } from '../../output/failure.ts';
import { cliProblems } from '../../problems.ts';
import { worldOf } from '../../world.ts';
import { keyCopyOf, readKeyFile, renderFindings } from './state.ts';

const options = { output: { type: 'string', short: 'o' } } as const;

export const storeCheckCommand: Command = {
  name: 'store check',
  summary: 'Reads every record of the store, or of a backup, and says what is wrong.',
  usage: 'store check [FILE] [--data-dir DIR] [-o json]',
  examples: ['keelson store check', 'keelson store check keelson.backup'],
  options,
  optionHelp: { output: 'json prints the report as data' },
  async run(context) {
    const { values, positionals } = parseCommand('store check', context, options);
    if (positionals.length > 1) throw usageError('store check', 'name one backup, or none for the store in the data directory');
    const dataDir = dataDirOf(values['data-dir'], context.cwd);
    const { files } = await worldOf(context);
    const [{ checkBackup, checkStore }, { encryptionKeyFile, storeDirectory }] = await Promise.all([import('@keelson/apiserver/store'), import('@keelson/server')]);
    const file = positionals[0] === undefined ? undefined : resolve(context.cwd, positionals[0]);
    const where = file ?? storeDirectory(dataDir);
    // A backup may have its key beside it.
    const keys = ((file === undefined ? undefined : await readKeyFile(files, keyCopyOf(file))) ?? (await readKeyFile(files, encryptionKeyFile(dataDir))))?.keys;
    const report = file === undefined ? await checkStore(where, keys) : await checkBackup(file, keys);
    const count = report.findings.length + report.moreFindings;
    if (values.output === 'json') context.out(`${JSON.stringify({ ...report, sealed: Object.fromEntries(report.sealed) }, null, 2)}\n`);
    else context.out(renderReport(where, report, keys) + (count > 0 ? `\n${renderFindings(report, context.width)}` : ''));
    if (count === 0) return exitCode.done;
    throw new CommandError(problem(cliProblems.storeFindings, { what: where }, { why: `${count} records are not as they must be`, where }), exitCode.no);
  },
};

function renderReport(where: string, report: CheckReport, keys: EncryptionKeys | undefined): string {
  const sealed = [...report.sealed].map(([id, count]) => `${count} Secrets with key ${id}${id === keys?.first.id ? '' : keys?.all.has(id) ? ' (old: their next write takes the first key)' : ' (not here)'}`);
  if (report.plain > 0) sealed.push(`${report.plain} Secrets are not sealed yet: their next write seals them`);
  const lines = [
    ['store', where],
    ['objects', `${report.objects}, at revision ${report.revision}`],
    ['history', `${report.historyRecords} writes, after revision ${report.oldestRevision}`],
    ...sealed.map((text, index) => [index === 0 ? 'sealed' : '', text]),
    ['records', report.findings.length === 0 ? 'all as they must be' : `${report.findings.length + report.moreFindings} not as they must be`],
  ];
  return lines.map(([name, text]) => `${name!.padEnd(9)}${text}\n`).join('');
}
