import { LineCounter, parseAllDocuments } from 'yaml';
import { type Origin, kustomizeProblems, problemAt } from '../problems.ts';
import { kustomizationTags, resourceTags } from './scalars.ts';

export interface YamlDocument {
  readonly value: unknown;
  /** The line the document's content begins at, from 1. */
  readonly line: number;
  /** The line of the node at a path, or of the nearest node above it that is there. */
  lineOf(path: readonly (string | number)[]): number;
}

/**
 * The documents of a YAML or JSON file; empty ones are left out. Throws KUSTOMIZE.YAML with file and line.
 * `dialect` says how plain scalars are read: a kustomization file has YAML 1.1's booleans (yes, no, on, off), resources do not.
 */
export function parseYaml(text: string, file: string, dialect: 'resource' | 'kustomization', firstLine = 1): YamlDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    customTags: dialect === 'kustomization' ? kustomizationTags : resourceTags,
    merge: true,
    uniqueKeys: dialect === 'resource',
    prettyErrors: false,
    strict: true,
  });
  const at = (offset: number): number => lines.linePos(offset).line + firstLine - 1;
  const found: YamlDocument[] = [];
  if (!Array.isArray(documents)) return found;
  for (const document of documents) {
    const error = document.errors[0];
    if (error) throw yamlError({ file, line: at(error.pos[0]) }, error.message);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 1000 });
    } catch (cause) {
      throw yamlError({ file, line: at(document.range[0]) }, (cause as Error).message);
    }
    if (value === null || value === undefined) continue;
    const start = at(rangeOf(document.contents) ?? document.range[0]);
    const lineOf = (path: readonly (string | number)[]): number => {
      for (let length = path.length; length > 0; length--) {
        const offset = rangeOf(document.getIn(path.slice(0, length), true));
        if (offset !== undefined) return at(offset);
      }
      return start;
    };
    found.push({ value, line: start, lineOf });
  }
  return found;
}

function yamlError(origin: Origin, why: string): Error {
  return problemAt(kustomizeProblems.yaml, origin, why.replace(/\s+/g, ' '));
}

function rangeOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] } | null | undefined)?.range;
  return range?.[0];
}
