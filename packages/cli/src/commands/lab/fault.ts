import { parseCommand, usageError, type Command } from '../../arguments.ts';
import { exitCode } from '../../output/failure.ts';
import { renderTable } from '../../output/table.ts';
import { openLabDoor } from './control.ts';

const options = { clear: { type: 'boolean' } } as const;

export const labFaultCommand: Command = {
  name: 'lab fault',
  summary: 'Breaks a machine of the lab in a named way, or mends it.',
  usage: 'lab fault [MACHINE FAULT [--clear]]',
  examples: ['keelson lab fault', 'keelson lab fault r1u02 bmc-401'],
  options,
  optionHelp: { clear: 'mend it again' },
  async run(context) {
    const { values, positionals } = parseCommand('lab fault', context, options);
    if (positionals.length === 0) {
      const { faults } = await import('@keelson/lab');
      context.out(renderTable(['FAULT', 'WHAT IT DOES'], Object.entries(faults).map(([name, sentence]) => [name, sentence])));
      return exitCode.done;
    }
    const [machine, fault] = positionals;
    if (!fault) throw usageError('lab fault', 'name a machine and a fault: keelson lab fault r1u02 bmc-401');
    const door = await openLabDoor(values['data-dir'], context);
    await door.post('/faults', { machine, fault, on: !values.clear });
    context.err(values.clear ? `${machine} is mended: ${fault}\n` : `${machine} has the fault ${fault}; mend it with --clear\n`);
    return exitCode.done;
  },
};
