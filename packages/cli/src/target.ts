import { problem } from '@keelson/std';
import type { KindRef } from '@keelson/kube';
import { kindByName } from '@keelson/api';
import type { ObjectRef } from '@keelson/trace';
import { usageError } from './arguments.ts';
import { CommandError } from './output/failure.ts';
import { cliProblems } from './problems.ts';

/** The words of Keelson for kinds that have longer names upstream. */
const nouns: Readonly<Record<string, string>> = { host: 'BareMetalHost', hosts: 'BareMetalHost', source: 'GitRepository', sources: 'GitRepository', app: 'Kustomization', apps: 'Kustomization' };

/** The kind behind what a user typed: kind, plural, short name, noun of ours. Throws CLI.UNKNOWN_KIND. */
export function parseKind(text: string): KindRef {
  const kind = kindByName(nouns[text.toLowerCase()] ?? text);
  if (!kind) throw new CommandError(problem(cliProblems.unknownKind, { kind: text }, { why: 'neither a kind, a plural nor a short name of the kinds that are declared' }));
  return kind;
}

/** `kind/name`, `kind/namespace/name` or `kind name` with an optional namespace flag. */
export function parseTarget(command: string, positionals: readonly string[], namespace: string | undefined): { kind: KindRef; ref: ObjectRef } {
  const [first = '', second] = positionals;
  const parts = second === undefined ? first.split('/') : [first, ...second.split('/')];
  if (parts.length < 2 || parts.length > 3 || parts.some((part) => part === '')) throw usageError(command, `name an object as kind/name or kind/namespace/name, not "${positionals.join(' ')}"`);
  const kind = parseKind(parts[0]!);
  const inner = parts.length === 3 ? parts[1] : namespace;
  return { kind, ref: { group: kind.group, kind: kind.kind, name: parts.at(-1)!, ...(inner === undefined ? {} : { namespace: inner }) } };
}
