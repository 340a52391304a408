import { rfc3339 } from '@keelson/std';
import type { JournalEntry, LabStatus } from '@keelson/lab';
import { parseCommand, type Command } from '../../arguments.ts';
import { exitCode } from '../../output/failure.ts';
import { renderTable } from '../../output/table.ts';
import { timeColumn } from '../../output/times.ts';
import { worldOf } from '../../world.ts';
import { openLabDoor } from './control.ts';

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
    const door = await openLabDoor(values['data-dir'], context);
    const width = context.width === undefined ? {} : { width: context.width };
    if (values.journal !== undefined) {
      const entries = await door.get<JournalEntry[]>(`/journal?machine=${encodeURIComponent(values.journal)}`);
      context.out(values.output === 'json' ? `${JSON.stringify(entries, null, 2)}\n` : renderTable(['TIME', 'MACHINE', 'EVENT', 'BY', 'DETAIL'], entries.map(({ atMs, machine, event, by, detail }) => [rfc3339(atMs), machine, event, by, detail]), width));
      return exitCode.done;
    }
    const status = await door.get<LabStatus>('/status');
    if (values.output === 'json') context.out(`${JSON.stringify(status, null, 2)}\n`);
    else {
      const now = (await worldOf(context)).clock.now();
      const time = timeColumn(context.width);
      const rows = status.machines.map((m) => [m.name, m.power, m.runs, time.cell(m.sinceMs, now), m.disk, m.cluster, m.hostname, m.bmc, m.address, [...m.faults.map((fault) => `fault ${fault}`), m.waitsFor].filter((text) => text !== '').join('; ')]);
      context.out(renderTable(['MACHINE', 'POWER', 'RUNS', time.header, 'DISK', 'CLUSTER', 'HOSTNAME', 'BMC', 'ADDRESS', 'WAITS FOR'], rows, width));
    }
    return exitCode.done;
  },
};
