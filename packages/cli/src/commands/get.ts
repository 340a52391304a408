import { problem } from '@keelson/std';
import { parseCommand, usageError, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { renderTable } from '../output/table.ts';
import { cliProblems } from '../problems.ts';
import { parseKind } from '../target.ts';
import type { KindRef, KubeObject } from '@keelson/kube';

const options = { namespace: { type: 'string', short: 'n' }, 'all-namespaces': { type: 'boolean', short: 'A' }, output: { type: 'string', short: 'o' }, selector: { type: 'string', short: 'l' } } as const;

export const getCommand: Command = {
  name: 'get',
  summary: 'Lists objects of a kind, or prints one.',
  usage: 'get KIND [NAME] [-n NAMESPACE] [-o wide|json|yaml|name]',
  examples: ['keelson get hosts', 'keelson get machine -o yaml'],
  options,
  optionHelp: { namespace: 'only this namespace (default: all)', 'all-namespaces': 'every namespace (the default)', selector: 'a label selector', output: 'wide, json, yaml or name' },
  async run(context) {
    const { values, positionals } = parseCommand('get', context, options);
    const [first, second] = positionals.flatMap((text) => text.split('/'));
    if (!first) throw usageError('get', 'name a kind: keelson get hosts');
    const kind = parseKind(first);
    const connection = await connect(values, context.cwd);
    try {
      const served = (await connection.client.resolve(kind.group ? `${kind.group}/${kind.version}` : kind.version, kind.kind)) ?? kind;
      switch (values.output) {
        case undefined:
        case 'wide':
          context.out(await tableOf(connection, served, second, values, context.width));
          return exitCode.done;
        case 'json':
        case 'yaml':
        case 'name':
          context.out(await objectsOf(connection, served, second, values));
          return exitCode.done;
        default:
          throw usageError('get', `-o ${values.output} is not wide, json, yaml or name`);
      }
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};

type Flags = { readonly namespace?: string | undefined; readonly selector?: string | undefined; readonly output?: string | undefined };
type Connection = Awaited<ReturnType<typeof connect>>;

function pathOf(kind: KindRef, namespace: string | undefined): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  return kind.namespaced && namespace ? `${root}/namespaces/${namespace}/${kind.plural}` : `${root}/${kind.plural}`;
}

interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: { readonly metadata?: { readonly name?: string; readonly namespace?: string } } }[];
}

/** The server's own columns, as kubectl shows them. */
async function tableOf(connection: Connection, kind: KindRef, name: string | undefined, flags: Flags, width: number | undefined): Promise<string> {
  const query = flags.selector ? `?labelSelector=${encodeURIComponent(flags.selector)}` : '';
  const { status, body } = await connection.client.raw('GET', `${pathOf(kind, flags.namespace)}${query}`, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' });
  if (status !== 200) throw notThere(kind, name, connection.where);
  const table = body as Table; // the Table that was asked for
  const wide = flags.output === 'wide';
  const shown = table.columnDefinitions.map((column, i) => ({ ...column, i })).filter(({ priority }) => wide || !priority);
  const rows = table.rows.filter((row) => !name || row.object?.metadata?.name === name);
  if (name && rows.length === 0) throw notThere(kind, name, connection.where);
  const headers = [...(kind.namespaced ? ['NAMESPACE'] : []), ...shown.map((column) => column.name.toUpperCase())];
  const cells = rows.map((row) => [...(kind.namespaced ? [row.object?.metadata?.namespace ?? ''] : []), ...shown.map(({ i }) => (row.cells[i] === null || row.cells[i] === undefined ? '' : String(row.cells[i])))]);
  return renderTable(headers, cells, width === undefined ? {} : { width });
}

function notThere(kind: KindRef, name: string | undefined, where: string): CommandError {
  return new CommandError(problem(cliProblems.notFound, { what: name ? `${kind.kind}/${name}` : kind.kind, kind: kind.plural }, { why: 'the API does not have it', where }), exitCode.no);
}

async function objectsOf(connection: Connection, kind: KindRef, name: string | undefined, flags: Flags): Promise<string> {
  const { items } = await connection.client.list(kind, { ...(flags.namespace ? { namespace: flags.namespace } : {}), ...(flags.selector ? { labelSelector: flags.selector } : {}) });
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  const objects = items.filter((item) => !name || item.metadata.name === name).map((item): KubeObject => ({ ...item, apiVersion, kind: kind.kind }));
  if (name && objects.length === 0) throw notThere(kind, name, connection.where);
  if (flags.output === 'name') return objects.map((object) => `${kind.plural}${kind.group ? `.${kind.group}` : ''}/${object.metadata.name}\n`).join('');
  const shown = name && objects.length === 1 ? objects[0]! : { apiVersion: 'v1', kind: 'List', items: objects };
  if (flags.output === 'json') return `${JSON.stringify(shown, null, 2)}\n`;
  const { stringifyYaml } = await import('@keelson/kube/yaml');
  return stringifyYaml(shown);
}
