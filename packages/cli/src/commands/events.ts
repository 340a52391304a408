import { parseDuration } from '@keelson/std';
import { collect, refText, timelineOf } from '@keelson/trace';
import { parseCommand, usageError, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { exitCode } from '../output/failure.ts';
import { renderTable } from '../output/table.ts';
import { timeColumn } from '../output/times.ts';
import { tellUnread } from '../output/unread.ts';
import { parseTarget } from '../target.ts';

const options = { namespace: { type: 'string', short: 'n' }, output: { type: 'string', short: 'o' }, since: { type: 'string' } } as const;

export const eventsCommand: Command = {
  name: 'events',
  summary: 'Lists what happened, in order: events, changes of conditions, operations on hosts.',
  usage: 'events [KIND/NAME] [--since 10m] [-o json]',
  examples: ['keelson events', 'keelson events host/r1u01 --since 10m'],
  options,
  optionHelp: { namespace: 'where the object is', since: 'only this far back (a duration: 30s, 10m, 2h)', output: 'json prints the moments as data' },
  async run(context) {
    const { values, positionals } = parseCommand('events', context, options);
    const backMs = values.since === undefined ? undefined : parseDuration(values.since);
    if (values.since !== undefined && backMs === undefined) throw usageError('events', `--since ${values.since} is no duration; write 30s, 10m or 2h`);
    const target = positionals.length > 0 ? parseTarget('events', positionals, values.namespace).ref : undefined;
    const connection = await connect(values, context);
    try {
      const nowMs = connection.env.clock.now();
      const snapshot = await collect(connection.client, { nowMs, namespace: connection.namespace });
      tellUnread(snapshot, context.err);
      const moments = timelineOf(snapshot, backMs === undefined ? 0 : nowMs - backMs).filter(({ ref }) => !target || (ref.kind === target.kind && ref.name === target.name && (!target.namespace || ref.namespace === target.namespace)));
      if (values.output === 'json') context.out(`${JSON.stringify(moments, null, 2)}\n`);
      else {
        const time = timeColumn(context.width, ['AGO', 'TIME']);
        context.out(renderTable([time.header, 'OBJECT', 'TYPE', 'WHAT'], moments.map(({ atMs, ref, severity, what }) => [time.cell(atMs, nowMs), refText(ref), severity, what]), context.width === undefined ? {} : { width: context.width }));
      }
      return exitCode.done;
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};
