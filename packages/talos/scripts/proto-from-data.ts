/**
 * Writes proto/*.proto from the contract data (../shared/data/proto/talos.json): every service a node serves, with the
 * messages it needs, and the specs of the COSI resources below. The hand-written files (cosi, google, google-rpc) stay.
 *
 * Usage: node packages/talos/scripts/proto-from-data.ts [path to talos.json]
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface DataType {
  readonly methods?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, readonly [number, string]>>;
  readonly oneofs?: Readonly<Record<string, readonly string[]>>;
  readonly enum?: Readonly<Record<string, number>>;
}
type DataTypes = Readonly<Record<string, DataType>>;

const packageRoot = new URL('..', import.meta.url);
const dataPath = process.argv[2] ?? new URL('../../../../shared/data/proto/talos.json', import.meta.url);
const types: DataTypes = JSON.parse(readFileSync(dataPath, 'utf8')).types;

/** Packages with services of a node, and their files. signerapi is an offline service and not served by nodes. */
const files: Readonly<Record<string, string>> = {
  common: 'common', machine: 'machine', storage: 'storage', time: 'time', inspect: 'inspect', cluster: 'cluster', securityapi: 'security',
};
const definitions = 'talos.resource.definitions';

/** Messages that travel inside others (Any, proto_spec), so no service names them. */
const extra = [
  ...['SequenceEvent', 'PhaseEvent', 'TaskEvent', 'ServiceStateEvent', 'RestartEvent', 'ConfigLoadErrorEvent', 'ConfigValidationErrorEvent',
    'AddressEvent', 'MachineStatusEvent'].map((name) => `machine.${name}`),
  ...['block.DiskSpec', 'block.DiscoveredVolumeSpec', 'block.SystemDiskSpec', 'block.VolumeStatusSpec', 'cluster.AffiliateSpec', 'cluster.IdentitySpec',
    'cluster.InfoSpec', 'cluster.MemberSpec', 'etcd.MemberSpec', 'etcd.SpecSpec', 'extensions.Layer', 'hardware.MemoryModuleSpec',
    'hardware.ProcessorSpec', 'hardware.SystemInformationSpec', 'k8s.APIServerConfigSpec', 'k8s.BootstrapManifestsConfigSpec',
    'k8s.ControllerManagerConfigSpec', 'k8s.KubeletSpecSpec', 'k8s.NodeStatusSpec', 'k8s.NodenameSpec', 'k8s.NodeIPSpec', 'k8s.SchedulerConfigSpec',
    'k8s.StaticPodSpec', 'k8s.StaticPodStatusSpec', 'network.AddressStatusSpec', 'network.HostnameStatusSpec', 'network.LinkStatusSpec',
    'network.NodeAddressSpec', 'network.ResolverStatusSpec', 'network.RouteStatusSpec', 'network.StatusSpec', 'network.TimeServerStatusSpec',
    'runtime.BootIDSpec', 'runtime.BootedEntrySpec', 'runtime.DevicesStatusSpec', 'runtime.DiagnosticSpec', 'runtime.ImageFactorySchematicSpec',
    'runtime.KernelCmdlineSpec', 'runtime.MachineStatusSpec', 'runtime.MetaKeySpec', 'runtime.PlatformMetadataSpec', 'runtime.SecurityStateSpec',
    'runtime.UnattendedInstallStatusSpec', 'runtime.UniqueMachineTokenSpec', 'runtime.VersionSpec', 'time.StatusSpec', 'v1alpha1.ServiceSpec',
  ].map((name) => `${definitions}.${name}`),
  'resource.config.MachineConfigSpec', 'resource.config.MachineTypeSpec',
];

/** The full name that `reference` has inside `scope`, by protobuf's scoping: the innermost wins. */
function resolve(scope: string, reference: string): string | undefined {
  const parts = scope.split('.');
  for (let length = parts.length; length >= 0; length--) {
    const candidate = [...parts.slice(0, length), reference].join('.');
    if (types[candidate]) return candidate;
  }
  return undefined;
}

function referenced(type: string): string[] {
  const map = /^map<\s*\w+\s*,\s*([\w.]+)\s*>$/.exec(type);
  return [map ? map[1]! : type.replace(/^(repeated|optional) /, '')];
}

function packageOf(name: string): string {
  if (name.startsWith('talos.resource.definitions.')) return name.split('.').slice(0, 4).join('.');
  if (name.startsWith('resource.')) return name.split('.').slice(0, 2).join('.');
  return name.split('.')[0]!;
}

function collect(): ReadonlySet<string> {
  const wanted = new Set<string>();
  const visit = (name: string) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    const parent = name.slice(0, name.lastIndexOf('.'));
    if (types[parent]) visit(parent);
    const type = types[name]!;
    for (const [, fieldType] of Object.values(type.fields ?? {})) for (const reference of referenced(fieldType)) visitReference(name, reference);
    for (const signature of Object.values(type.methods ?? {})) for (const word of signature.match(/[\w.]+/g) ?? []) visitReference(name, word);
  };
  const visitReference = (scope: string, reference: string) => {
    const full = resolve(scope, reference);
    if (full) visit(full);
  };
  for (const name of Object.keys(types)) if (types[name]!.methods && files[packageOf(name)]) visit(name);
  for (const name of extra) {
    if (!types[name]) throw new Error(`the contract data has no ${name}`);
    visit(name);
  }
  return wanted;
}

const scalars = new Set(['double', 'float', 'int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64', 'fixed32', 'fixed64', 'sfixed32', 'sfixed64', 'bool', 'string', 'bytes']);
/** Types of the hand-written files; everything else must resolve in the data. */
const known = /^google\.(protobuf\.(Any|Duration|Empty|Struct|Timestamp)|rpc\.Status)$/;
/** Specs that only an offline consumer reads: kept as their bytes on the wire, which have the same encoding. */
const opaque = new Set(['google.api.expr.v1alpha1.CheckedExpr']);

function typeText(scope: string, type: string): string {
  const map = /^map<\s*(\w+)\s*,\s*([\w.]+)\s*>$/.exec(type);
  if (map) return `map<${map[1]}, ${typeText(scope, map[2]!)}>`;
  const [, label = '', name = ''] = /^(repeated |optional )?([\w.]+)$/.exec(type) ?? [];
  if (scalars.has(name)) return label + name;
  if (opaque.has(name)) return `${label}bytes`;
  if (known.test(name)) return label + name;
  const full = resolve(scope, name);
  if (!full) throw new Error(`${scope}: unknown type ${type}`);
  return label + full;
}

function writeType(name: string, wanted: ReadonlySet<string>, indent: string): string[] {
  const type = types[name]!;
  const short = name.slice(name.lastIndexOf('.') + 1);
  if (type.enum) {
    const values = Object.entries(type.enum).sort((a, b) => a[1] - b[1]);
    const hasAlias = new Set(values.map(([, value]) => value)).size < values.length;
    return [`${indent}enum ${short} {`, ...(hasAlias ? [`${indent}  option allow_alias = true;`] : []), ...values.map(([key, value]) => `${indent}  ${key} = ${value};`), `${indent}}`];
  }
  if (type.methods) {
    const lines = Object.entries(type.methods).map(([method, signature]) => {
      const [request, response] = signature.split(' -> ').map((side) => {
        const stream = side.startsWith('stream ');
        return `(${stream ? 'stream ' : ''}${typeText(name, side.replace('stream ', ''))})`;
      });
      return `${indent}  rpc ${method}${request} returns ${response};`;
    });
    return [`${indent}service ${short} {`, ...lines, `${indent}}`];
  }
  const nested = [...wanted].filter((other) => other.startsWith(`${name}.`) && !other.slice(name.length + 1).includes('.'));
  const inOneof = new Map(Object.entries(type.oneofs ?? {}).flatMap(([oneof, fields]) => fields.map((field) => [field, oneof] as const)));
  const lines: string[] = nested.flatMap((other) => writeType(other, wanted, `${indent}  `));
  const fields = Object.entries(type.fields ?? {}).sort((a, b) => a[1][0] - b[1][0]);
  const line = (field: string, number: number, fieldType: string, deeper: string) => `${deeper}${typeText(name, fieldType)} ${field} = ${number};`;
  for (const [field, [number, fieldType]] of fields) if (!inOneof.has(field)) lines.push(line(field, number, fieldType, `${indent}  `));
  for (const oneof of Object.keys(type.oneofs ?? {})) {
    const members = fields.filter(([field]) => inOneof.get(field) === oneof);
    lines.push(`${indent}  oneof ${oneof} {`, ...members.map(([field, [number, fieldType]]) => line(field, number, fieldType, `${indent}    `)), `${indent}  }`);
  }
  return lines.length === 0 ? [`${indent}message ${short} {}`] : [`${indent}message ${short} {`, ...lines, `${indent}}`];
}

function fileOf(packageName: string): string {
  return `${files[packageName] ?? packageName.replace(`${definitions}.`, 'resource-').replace('resource.', 'resource-')}.proto`;
}

const wanted = collect();
const packages = new Map<string, string[]>();
for (const name of Object.keys(types)) {
  if (!wanted.has(name)) continue;
  const packageName = packageOf(name);
  const isTop = !types[name.slice(0, name.lastIndexOf('.'))];
  if (isTop) packages.set(packageName, [...(packages.get(packageName) ?? []), name]);
}
for (const [packageName, names] of packages) {
  const body = names.sort((a, b) => Number(Boolean(types[b]!.methods)) - Number(Boolean(types[a]!.methods))).map((name) => writeType(name, wanted, '').join('\n'));
  const text = body.join('\n\n');
  const imports = [...packages.keys()]
    .filter((other) => other !== packageName && text.includes(`${other}.`) && new RegExp(`[ (<,]${other.replaceAll('.', '\\.')}\\.[A-Z]`).test(text))
    .map(fileOf);
  if (text.includes('google.protobuf.')) imports.push('google.proto');
  if (text.includes('google.rpc.')) imports.push('google-rpc.proto');
  const header = '// Generated by scripts/proto-from-data.ts from the published field numbers of the Talos API. Do not edit.';
  const importText = imports.length > 0 ? `\n${imports.sort().map((file) => `import "${file}";`).join('\n')}\n` : '';
  writeFileSync(new URL(`proto/${fileOf(packageName)}`, packageRoot), `${header}\nsyntax = "proto3";\n\npackage ${packageName};\n${importText}\n${text}\n`);
}
process.stdout.write(`${wanted.size} types in ${packages.size} packages\n`);
