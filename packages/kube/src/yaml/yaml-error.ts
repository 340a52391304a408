import type { Problem } from '@keelson/std';
import { problem } from '@keelson/std';
import { kubeProblems } from '../problems.ts';

/** Where in a text something is; both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A text that is not the YAML that was expected: where, why and what to do. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  /** Empty when the text came from nowhere in particular. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly why: string;
  readonly hint: string;

  constructor(file: string, at: Position, why: string, hint: string) {
    super(`${file === '' ? '' : `${file}:`}${at.line}:${at.column}: ${why}`);
    this.file = file;
    this.line = at.line;
    this.column = at.column;
    this.why = why;
    this.hint = hint;
  }

  /** The error as a problem a user can act on. */
  get problem(): Problem {
    const where = `${this.file === '' ? 'line ' : `${this.file}:`}${this.line}:${this.column}`;
    return problem(kubeProblems.yamlInvalid, { file: this.file || 'the text', hint: this.hint }, { why: this.why, where });
  }
}
