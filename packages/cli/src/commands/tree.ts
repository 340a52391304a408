import { problem } from '@keelson/std';
import { collect, refText, treeOf, type TreeNode } from '@keelson/trace';
import { parseCommand, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { createStyle, wantsColour, type Style } from '../output/style.ts';
import { tellUnread } from '../output/unread.ts';
import { cliProblems } from '../problems.ts';
import { parseTarget } from '../target.ts';

const options = { namespace: { type: 'string', short: 'n' }, output: { type: 'string', short: 'o' } } as const;

export const treeCommand: Command = {
  name: 'tree',
  summary: 'Shows what hangs on what, from sources down to pods and hosts.',
  usage: 'tree [KIND/NAME] [-n NAMESPACE] [-o json]',
  examples: ['keelson tree', 'keelson tree cluster/edge'],
  options,
  optionHelp: { namespace: 'where the object is', output: 'json prints the tree as data' },
  async run(context) {
    const { values, positionals } = parseCommand('tree', context, options);
    const target = positionals.length > 0 ? parseTarget('tree', positionals, values.namespace) : undefined;
    const connection = await connect(values, context);
    try {
      const snapshot = await collect(connection.client, { nowMs: connection.env.clock.now(), events: false, namespace: connection.namespace, connect: connection.open, ...(target ? { extra: [target.kind] } : {}) });
      tellUnread(snapshot, context.err);
      const trees = treeOf(snapshot, target?.ref);
      if (target && trees.length === 0) throw new CommandError(problem(cliProblems.notFound, { what: refText(target.ref), kind: target.kind.plural }, { why: 'the API does not have it', where: connection.where }), exitCode.no);
      const style = createStyle(wantsColour(values.color, context.env, context.isTerminal));
      context.out(values.output === 'json' ? `${JSON.stringify(trees, null, 2)}\n` : trees.map((tree) => renderTree(tree, style)).join(''));
      return exitCode.done;
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};

/** One tree, a node per line. */
export function renderTree(node: TreeNode, style: Style, indent = '', branch = '', above?: string): string {
  const state = node.state ? `  ${style.state(node.state.state)}${node.state.state === 'ready' ? '' : `  ${node.state.message}`}` : '';
  // Said where a cluster begins.
  const place = node.ref.cluster && node.ref.cluster !== above ? style.dim(`  in ${node.ref.cluster}`) : '';
  const lines = [`${indent}${branch}${refText(node.ref)}${state}${place}\n`];
  const below = branch === '' ? indent : indent + (branch === '└─ ' ? '   ' : '│  ');
  node.children.forEach((child, i) => lines.push(renderTree(child, style, below, i === node.children.length - 1 ? '└─ ' : '├─ ', node.ref.cluster)));
  return lines.join('');
}
