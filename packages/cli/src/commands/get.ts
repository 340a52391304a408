import { problem } from '@keelson/std';
import { apiVersionOf, type KindRef, type KubeObject } from '@keelson/kube';
import { ApiError, type Status } from '@keelson/kube/client';
import { servedKind } from '@keelson/trace';
import { parseCommand, usageError, type Command, type CommandContext } from '../arguments.ts';
import { connect, explainApiError, type Connection } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { renderTable } from '../output/table.ts';
import { cliProblems } from '../problems.ts';
import { parseKind } from '../target.ts';

const options = { namespace: { type: 'string', short: 'n' }, 'all-namespaces': { type: 'boolean', short: 'A' }, output: { type: 'string', short: 'o' }, selector: { type: 'string', short: 'l' } } as const;

export const getCommand: Command = {
  name: 'get',
  summary: 'Lists objects of a kind, or prints one.',
  usage: 'get KIND [NAME] [-n NAMESPACE] [-l SELECTOR] [-o wide|json|yaml|name]',
  examples: ['keelson get hosts', 'keelson get machine -o yaml'],
  options,
  optionHelp: { namespace: 'only this namespace (default: all)', 'all-namespaces': 'every namespace (the default)', selector: 'a label selector', output: 'wide, json, yaml or name' },
  async run(context) {
    const { values, positionals } = parseCommand('get', context, options);
    const parts = positionals.flatMap((text) => text.split('/'));
    if (parts.length === 0 || parts[0] === '') throw usageError('get', 'name a kind: keelson get hosts');
    if (parts.length > 3) throw usageError('get', `name one object as kind/name or kind/namespace/name, not "${positionals.join(' ')}"`);
    if (values.output !== undefined && !formats.includes(values.output)) throw usageError('get', `-o ${values.output} is not wide, json, yaml or name`);
    const wanted: Wanted = {
      kind: parseKind(parts[0]!), name: parts.length === 1 ? undefined : parts.at(-1),
      namespace: values['all-namespaces'] ? undefined : parts.length === 3 ? parts[1] : values.namespace, selector: values.selector, output: values.output,
    };
    const connection = await connect(values, context);
    try {
      const kind = (await servedKind(connection.client, wanted.kind)) ?? wanted.kind;
      const isTable = wanted.output === undefined || wanted.output === 'wide';
      const text = await (isTable ? tableOf(connection, { ...wanted, kind }, context.width) : objectsOf(connection, { ...wanted, kind }));
      return answer(context, wanted, text);
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};

const formats: readonly string[] = ['wide', 'json', 'yaml', 'name'];

interface Wanted {
  readonly kind: KindRef;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly selector: string | undefined;
  readonly output: string | undefined;
}

/** Nothing of a kind is an answer too; it is said where it does not disturb a program that reads. */
function answer(context: CommandContext, { kind, namespace }: Wanted, text: string | undefined): number {
  if (text === undefined) context.err(`There are no ${kind.plural}${namespace ? ` in namespace ${namespace}` : ''}.\n`);
  else context.out(text);
  return exitCode.done;
}

function pathOf({ kind, namespace, selector }: Wanted): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  const collection = kind.namespaced && namespace ? `${root}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}` : `${root}/${kind.plural}`;
  return selector ? `${collection}?labelSelector=${encodeURIComponent(selector)}` : collection;
}

interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: { readonly metadata?: { readonly name?: string; readonly namespace?: string; readonly creationTimestamp?: string } } }[];
}

/** The server's own columns, as kubectl shows them; undefined when there are no rows. */
async function tableOf(connection: Connection, wanted: Wanted, width: number | undefined): Promise<string | undefined> {
  const { kind, name } = wanted;
  const { status, body } = await connection.client.raw('GET', pathOf(wanted), undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' });
  if (status === 404) throw notThere(wanted, connection.where);
  if (status !== 200) throw new ApiError({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, ...(body as Partial<Status> | undefined) }, `listing ${kind.plural}`);
  const table = body as Table; // the Table that was asked for
  const rows = table.rows.filter((row) => !name || row.object?.metadata?.name === name);
  if (rows.length === 0) {
    if (name) throw notThere(wanted, connection.where);
    return undefined;
  }
  const shown = table.columnDefinitions.map((column, i) => ({ ...column, i })).filter(({ priority }) => wanted.output === 'wide' || !priority);
  // Programs read times, people read ages.
  const isTime = (column: string) => width === undefined && column.toUpperCase() === 'AGE';
  const headers = shown.map(({ name: column }) => (isTime(column) ? 'CREATED' : column.toUpperCase()));
  const text = (cell: unknown) => (cell === null || cell === undefined ? '' : String(cell));
  const cells = rows.map(({ cells: own, object }) => [
    ...(kind.namespaced ? [object?.metadata?.namespace ?? ''] : []),
    ...shown.map(({ name: column, i }) => (isTime(column) ? (object?.metadata?.creationTimestamp ?? text(own[i])) : text(own[i]))),
  ]);
  return renderTable([...(kind.namespaced ? ['NAMESPACE'] : []), ...headers], cells, width === undefined ? {} : { width });
}

function notThere({ kind, name }: Wanted, where: string): CommandError {
  return new CommandError(problem(cliProblems.notFound, { what: name ? `${kind.kind}/${name}` : kind.kind, kind: kind.plural }, { why: 'the API does not have it', where }), exitCode.no);
}

async function objectsOf(connection: Connection, wanted: Wanted): Promise<string | undefined> {
  const { kind, name, namespace, selector, output } = wanted;
  const { items } = await connection.client.list(kind, { ...(namespace ? { namespace } : {}), ...(selector ? { labelSelector: selector } : {}) });
  const objects = items.filter((item) => !name || item.metadata.name === name).map((item): KubeObject => withoutManagedFields({ ...item, apiVersion: apiVersionOf(kind), kind: kind.kind }));
  if (name && objects.length === 0) throw notThere(wanted, connection.where);
  if (output === 'name') return objects.map((object) => `${kind.plural}${kind.group ? `.${kind.group}` : ''}/${object.metadata.name}\n`).join('');
  const shown = name && objects.length === 1 ? objects[0]! : { apiVersion: 'v1', kind: 'List', items: objects };
  if (output === 'json') return `${JSON.stringify(shown, null, 2)}\n`;
  const { stringifyYaml } = await import('@keelson/kube/yaml');
  return stringifyYaml(shown);
}

/** Who has written which field is many lines that nobody has asked for; kubectl leaves it out too. */
function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}
