import { problem } from '@keelson/std';
import { causeText, chainOf, collect, refText, type Chain } from '@keelson/trace';
import { parseCommand, usageError, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { createStyle, wantsColour, type Style } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { timeColumn } from '../output/times.ts';
import { tellUnread } from '../output/unread.ts';
import { cliProblems } from '../problems.ts';
import { parseTarget } from '../target.ts';

const options = { namespace: { type: 'string', short: 'n' }, output: { type: 'string', short: 'o' } } as const;

export const traceCommand: Command = {
  name: 'trace',
  summary: 'Follows an object from the commit that asked for it to the machine that carries it.',
  usage: 'trace KIND/NAME [-n NAMESPACE] [-o json]',
  examples: ['keelson trace cluster/edge', 'keelson trace deployment/hello'],
  options,
  optionHelp: { namespace: 'where the object is (default: wherever one of that name is)', output: 'json prints the chain as data' },
  async run(context) {
    const { values, positionals } = parseCommand('trace', context, options);
    if (positionals.length === 0) throw usageError('trace', 'name an object: keelson trace cluster/edge');
    const { kind, ref } = parseTarget('trace', positionals, values.namespace);
    const connection = await connect(values, context);
    try {
      const snapshot = await collect(connection.client, { nowMs: connection.env.clock.now(), extra: [kind], namespace: connection.namespace, connect: connection.open });
      tellUnread(snapshot, context.err);
      const chain = chainOf(snapshot, ref);
      if (!chain) throw new CommandError(problem(cliProblems.notFound, { what: refText(ref), kind: kind.plural }, { why: 'neither the API nor a cluster that it manages has it', where: connection.where }), exitCode.no);
      if (values.output === 'json') context.out(`${JSON.stringify(chain, null, 2)}\n`);
      else context.out(renderChain(chain, createStyle(wantsColour(values.color, context.env, context.isTerminal)), context.width));
      return chain.cause ? exitCode.no : exitCode.done;
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};

/** The chain as a table, the cause named below it. */
export function renderChain(chain: Chain, style: Style, width?: number): string {
  const time = timeColumn(width);
  const rows = chain.links.map((link) => [
    link.level, refText(link.ref), style.state(link.state.state), link.state.phase, time.cell(link.state.sinceMs, (link.state.sinceMs ?? 0) + (link.ageMs ?? 0)),
    [link.ref.cluster ? `in ${link.ref.cluster}` : '', link.detail, link.waitsFor].filter((text) => text !== '').join('; '),
  ]);
  const table = renderTable(['LEVEL', 'OBJECT', 'STATE', 'PHASE', time.header, 'DETAIL'], rows, width === undefined ? {} : { width });
  const origin = chain.declared || chain.links.some(({ level }) => level === 'commit') ? '' : 'No Kustomization has put it there: it comes from no commit that is known here.\n';
  return `${table}\n${origin}${chain.cause ? causeText(chain.cause) : 'Every link is ready.'}\n`;
}
