import { join } from 'node:path';
import { problem } from '@keelson/std';
import { parseCommand, type Command } from '../../arguments.ts';
import { dataDirOf } from '../../connect.ts';
import { CommandError, exitCode } from '../../output/failure.ts';
import { renderTable } from '../../output/table.ts';
import { cliProblems } from '../../problems.ts';

const options = { output: { type: 'string', short: 'o' }, journal: { type: 'string' } } as const;

export const labStatusCommand: Command = {
  name: 'lab status',
  summary: 'Shows the machines of the lab and what their hardware does.',
  usage: 'lab status [--journal MACHINE] [-o json]',
  examples: ['keelson lab status', 'keelson lab status --journal r1u01'],
  options,
  optionHelp: { journal: "print a machine's hardware journal: power, boot, writes and wipes", output: 'json prints it as data' },
  async run(context) {
    const { values } = parseCommand('lab status', context, options);
    const dataDir = dataDirOf(values['data-dir'], context.cwd);
    const [{ nodeEnv }, { readLab }] = await Promise.all([import('@keelson/std/node'), import('@keelson/lab')]);
    const lab = await readLab(nodeEnv().files, join(dataDir, 'lab'));
    if (!lab) throw new CommandError(problem(cliProblems.noLab, { path: dataDir }, { why: 'it has no state of a lab', where: join(dataDir, 'lab') }), exitCode.no);
    if (values.journal !== undefined) {
      const entries = lab.journal.filter(({ machine }) => machine === values.journal);
      context.out(values.output === 'json' ? `${JSON.stringify(entries, null, 2)}\n` : renderTable(['TIME', 'MACHINE', 'EVENT', 'BY', 'DETAIL'], entries.map(({ time, machine, event, by, detail }) => [time, machine, event, by, detail])));
      return exitCode.done;
    }
    context.out(values.output === 'json' ? `${JSON.stringify(lab.machines, null, 2)}\n` : renderTable(['MACHINE', 'POWER', 'RUNS', 'DISK', 'BMC', 'ADDRESS'], lab.machines.map(({ name, power, runs, disk, bmc, address }) => [name, power, runs, disk, bmc, address])));
    return exitCode.done;
  },
};
