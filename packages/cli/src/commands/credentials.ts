import { problem } from '@keelson/std';
import { Cluster, Secret } from '@keelson/api';
import { parseCommand, usageError, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { cliProblems } from '../problems.ts';

const options = { namespace: { type: 'string', short: 'n' } } as const;

/** `keelson kubeconfig CLUSTER` and `keelson talosconfig CLUSTER`: prints what the cluster has published. */
function credentialsCommand(what: 'kubeconfig' | 'talosconfig', key: string, tool: string): Command {
  return {
    name: what,
    summary: `Prints a cluster's ${what}, for ${tool}.`,
    usage: `${what} CLUSTER [-n NAMESPACE]`,
    examples: [`keelson ${what} edge >edge.${what}`, what === 'kubeconfig' ? 'kubectl --kubeconfig edge.kubeconfig get nodes' : 'talosctl --talosconfig edge.talosconfig version'],
    options,
    optionHelp: { namespace: 'where the Cluster is (default: wherever one of that name is)' },
    async run(context) {
      const { values, positionals } = parseCommand(what, context, options);
      const name = positionals[0]?.replace(/^clusters?\//, '');
      if (!name) throw usageError(what, `name a cluster: keelson ${what} edge`);
      const connection = await connect(values, context);
      try {
        const { items } = await connection.client.list(Cluster, values.namespace ? { namespace: values.namespace } : {});
        const named = items.filter((item) => item.metadata.name === name);
        if (named.length > 1) throw usageError(what, `there are several clusters ${name}; say which with -n: ${named.map(({ metadata }) => metadata.namespace).join(', ')}`);
        const cluster = named[0];
        if (!cluster) throw new CommandError(problem(cliProblems.notFound, { what: `Cluster/${name}`, kind: 'clusters' }, { why: 'the API does not have it', where: connection.where }), exitCode.no);
        const secret = await connection.client.get(Secret, { namespace: cluster.metadata.namespace, name: `${name}-${what}` });
        const encoded = (secret?.['data'] as Record<string, string> | undefined)?.[key];
        if (!encoded) throw new CommandError(problem(cliProblems.notPublished, { name, what }, { why: `Secret ${cluster.metadata.namespace}/${name}-${what} is not there yet`, where: connection.where }), exitCode.no);
        context.out(Buffer.from(encoded, 'base64').toString('utf8'));
        return exitCode.done;
      } catch (error) {
        throw explainApiError(error, connection.where);
      }
    },
  };
}

export const kubeconfigCommand = credentialsCommand('kubeconfig', 'value', 'kubectl and every Kubernetes client');
export const talosconfigCommand = credentialsCommand('talosconfig', 'talosconfig', 'talosctl');
