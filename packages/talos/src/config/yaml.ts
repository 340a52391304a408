/** Machine configurations as YAML: documents separated by `---`. */
import { ProblemError, problem } from '@keelson/std';
import { LineCounter, parseAllDocuments, stringify } from 'yaml';
import { talosProblems } from '../problems.ts';
import { isRecord, type ConfigDocument, type MachineConfig } from './machine-config.ts';

/** The configuration as YAML. Words that YAML 1.1 reads as something else than text are quoted. */
export function serializeMachineConfig(config: MachineConfig): string {
  return config.map((document) => stringify(document, { indent: 4, lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false })).join('---\n');
}

/**
 * Reads a configuration: one root without a kind at most, every other document with apiVersion v1alpha1 and a kind.
 * Throws ProblemError (TALOS.BAD_CONFIG) with the line. Fields are not checked: see `validateMachineConfig`.
 */
export function parseMachineConfig(text: string, where = 'machine configuration'): MachineConfig {
  return parseDocuments(text, (why, line) => new ProblemError(problem(talosProblems.badConfig, {}, { why, where: line === undefined ? where : `${where}:${line}` })));
}

/** Shared with patches, whose problems have another code. Empty documents are left out. */
export function parseDocuments(text: string, fail: (why: string, line?: number) => Error, options: { readonly allowRepeated?: boolean } = {}): MachineConfig {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const documents: ConfigDocument[] = [];
  const seen = new Set<string>();
  // An empty stream is an object with no documents.
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const first = document.errors[0];
    // Only the parser's code: its message may quote a secret.
    if (first) throw fail(`it is not YAML (${first.code.toLowerCase().replaceAll('_', ' ')})`, lines.linePos(first.pos[0]).line);
    const start = lines.linePos(document.contents?.range?.[0] ?? 0).line;
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) continue;
    if (!isRecord(value)) throw fail('a document is not a mapping', start);
    const id = headOf(value, (why) => fail(why, start));
    if (seen.has(id) && !options.allowRepeated) throw fail(`${id} is there twice`, start);
    seen.add(id);
    documents.push(value);
  }
  return documents;
}

function headOf(document: ConfigDocument, fail: (why: string) => Error): string {
  const { kind, apiVersion, version, name } = document;
  if (kind === undefined) {
    if (apiVersion !== undefined) throw fail('a document has an apiVersion and no kind');
    if (version !== undefined && version !== 'v1alpha1') throw fail(`version ${JSON.stringify(version)} is not v1alpha1`);
    return 'v1alpha1';
  }
  if (typeof kind !== 'string') throw fail('kind is not text');
  if (apiVersion !== 'v1alpha1') throw fail(`${kind} has apiVersion ${JSON.stringify(apiVersion)}, not v1alpha1`);
  return typeof name === 'string' && name !== '' ? `${kind}/${name}` : kind;
}
