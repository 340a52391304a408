import { formatAge, rfc3339 } from '@keelson/std';
import { collect, refText, timelineOf } from '@keelson/trace';
import { parseCommand, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { exitCode } from '../output/failure.ts';
import { renderTable } from '../output/table.ts';
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
    const { parseDuration } = await import('@keelson/std');
    const target = positionals.length > 0 ? parseTarget('events', positionals, values.namespace).ref : undefined;
    const connection = await connect(values, context.cwd);
    try {
      const nowMs = connection.env.clock.now();
      const backMs = values.since === undefined ? nowMs : (parseDuration(values.since) ?? nowMs);
      const snapshot = await collect(connection.client, { nowMs });
      const moments = timelineOf(snapshot, nowMs - backMs).filter(({ ref }) => !target || (ref.kind === target.kind && ref.name === target.name && (!target.namespace || ref.namespace === target.namespace)));
      if (values.output === 'json') context.out(`${JSON.stringify(moments, null, 2)}\n`);
      else {
        // People read ages, programs read times.
        const time = (atMs: number) => (context.isTerminal ? formatAge(nowMs - atMs) : rfc3339(atMs));
        context.out(renderTable([context.isTerminal ? 'AGO' : 'TIME', 'OBJECT', 'TYPE', 'WHAT'], moments.map(({ atMs, ref, severity, what }) => [time(atMs), refText(ref), severity, what]), context.width === undefined ? {} : { width: context.width }));
      }
      return exitCode.done;
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};
