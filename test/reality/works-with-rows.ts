/** works-with.json: the protocols, and the test files that show each in the lab. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../program.ts';

export interface WorksWithRow {
  readonly id: string;
  /** Whether Keelson speaks it, or the lab plays it for Keelson. */
  readonly side: 'keelson' | 'lab';
  readonly protocol: string;
  /** Test files that show it against our lab. */
  readonly lab: readonly string[];
}

export interface WorksWith {
  readonly rows: readonly WorksWithRow[];
  readonly unsupported: readonly string[];
}

export const worksWithPath = 'test/reality/works-with.json';

export function readWorksWith(): WorksWith {
  return JSON.parse(readFileSync(join(root, worksWithPath), 'utf8')) as WorksWith; // its shape is held by scripts/works-with.ts
}
