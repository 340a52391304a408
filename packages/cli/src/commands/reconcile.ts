/** `reconcile.fluxcd.io/requestedAt`: Flux's controllers, and ours, look at an object when the annotation's value changes. */
import { problem, rfc3339 } from '@keelson/std';
import { refOf, refText, servedKind } from '@keelson/trace';
import { parseCommand, usageError, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { cliProblems } from '../problems.ts';
import { parseTarget } from '../target.ts';

const options = { namespace: { type: 'string', short: 'n' } } as const;
const requestedAt = 'reconcile.fluxcd.io/requestedAt';

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'Asks the controllers of Flux to look at an object now.',
  usage: 'reconcile KIND/NAME [-n NAMESPACE]',
  examples: ['keelson reconcile source/datacenter', 'keelson reconcile app/edge-apps'],
  options,
  optionHelp: { namespace: 'where the object is (default: wherever one of that name is)' },
  async run(context) {
    const { values, positionals } = parseCommand('reconcile', context, options);
    if (positionals.length === 0) throw usageError('reconcile', 'name a source or an app: keelson reconcile app/edge-apps');
    const { kind, ref } = parseTarget('reconcile', positionals, values.namespace);
    if (!kind.group.endsWith('.fluxcd.io')) throw new CommandError(problem(cliProblems.notOfFlux, { kind: kind.kind, name: ref.name }, { why: 'only the kinds of Flux are asked by annotation' }));
    const connection = await connect(values, context);
    try {
      const served = (await servedKind(connection.client, kind)) ?? kind;
      const { items } = await connection.client.list(served, ref.namespace ? { namespace: ref.namespace } : {});
      const named = items.filter(({ metadata }) => metadata.name === ref.name);
      if (named.length > 1) throw usageError('reconcile', `there are several of that name; say which with -n: ${named.map(({ metadata }) => metadata.namespace).join(', ')}`);
      const object = named[0];
      if (!object) throw new CommandError(problem(cliProblems.notFound, { what: refText(ref), kind: kind.plural }, { why: 'the API does not have it', where: connection.where }), exitCode.no);
      await connection.client.patch(served, object.metadata, 'merge', { metadata: { annotations: { [requestedAt]: rfc3339(connection.env.clock.now()) } } });
      const isSuspended = (object['spec'] as { suspend?: boolean } | undefined)?.suspend === true;
      context.err(`${refText(refOf(object))} is asked to reconcile${isSuspended ? '; it is suspended, so nothing happens before it is resumed' : ''}.\n`);
      return exitCode.done;
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};
