import { join } from 'node:path';
import { problem } from '@keelson/std';
import { parseCommand, usageError, type Command } from '../../arguments.ts';
import { dataDirOf } from '../../connect.ts';
import { CommandError, exitCode } from '../../output/failure.ts';
import { cliProblems } from '../../problems.ts';
import { worldOf } from '../../world.ts';

const options = { confirm: { type: 'string' } } as const;
/** What `up --lab` writes below the data directory. Nothing else is touched. */
const ours = ['lab', 'store', 'pki', 'artifacts', 'git', 'kubeconfig', 'ports.json', 'lab.json'];

export const labResetCommand: Command = {
  name: 'lab reset',
  summary: 'Throws the lab and its state away, to begin anew.',
  usage: 'lab reset [--data-dir DIR] [--confirm DIR]',
  examples: ['keelson lab reset', 'keelson lab reset --data-dir /tmp/second --confirm /tmp/second'],
  options,
  optionHelp: { confirm: 'repeat the data directory when it is not the default one' },
  async run(context) {
    const { values } = parseCommand('lab reset', context, options);
    const dataDir = dataDirOf(values['data-dir'], context.cwd);
    if (values['data-dir'] !== undefined && values.confirm !== values['data-dir']) throw usageError('lab reset', `this removes the state in ${dataDir}; repeat it to confirm: --confirm ${values['data-dir']}`);
    const { files } = await worldOf(context);
    // Only a folder that a lab has written is a lab's to remove: real machines are never forgotten by this command.
    if (!(await files.read(join(dataDir, 'lab.json')))) throw new CommandError(problem(cliProblems.noLab, { path: dataDir }, { why: 'no lab.json in it', where: dataDir }), exitCode.no);
    const { openKeelsonStore } = await import('@keelson/server');
    // Taking the store is the proof that nothing runs on it: it throws STORE.LOCKED otherwise.
    await openKeelsonStore(dataDir).close();
    for (const name of ours) await files.remove(join(dataDir, name));
    context.err(`The lab in ${dataDir} is gone. keelson up --lab begins a new one.\n`);
    return exitCode.done;
  },
};
