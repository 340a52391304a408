/** What a check of `npm run reality` is: a foreign program, how to find it, and the rows it fills. */
import type { ReadyKeelson } from './ready-keelson.ts';

export interface Step {
  /** What was shown, in a few words. */
  readonly what: string;
  readonly passed: boolean;
  /** Why not, when it failed; what the program said, shortened. */
  readonly detail?: string;
}

/** One protocol that a foreign program was the other side of. */
export interface Row {
  /** Id of a row in works-with.json. */
  readonly protocol: string;
  readonly steps: readonly Step[];
}

export interface Result {
  /** When only the run can tell. */
  readonly release?: string;
  readonly rows: readonly Row[];
}

export interface FoundProgram {
  readonly path: string;
  /** As the program says it. */
  readonly release: string;
}

export interface CheckContext {
  readonly program: FoundProgram;
  /** A folder for the check alone, removed afterwards. */
  readonly folder: string;
  /** A Keelson with its lab, everything ready: started once, shared by the checks that ask for it. */
  keelson(): Promise<ReadyKeelson>;
}

export interface Check {
  readonly name: string;
  readonly program: string;
  /** The protocols whose rows it fills, so that an absent program leaves a row that says so. */
  readonly protocols: readonly string[];
  /** Undefined when the program is not there. */
  find(): Promise<FoundProgram | undefined>;
  run(context: CheckContext): Promise<Result>;
}

/** Collects steps: a failing one is kept with its reason, and the next one still runs. */
export interface Steps {
  readonly steps: readonly Step[];
  step(what: string, run: () => Promise<void> | void): Promise<void>;
}

/** Of the beginning and of the end of what a program said. */
const detailLimit = 400;

export function collectSteps(): Steps {
  const steps: Step[] = [];
  return {
    steps,
    async step(what, run) {
      try {
        await run();
        steps.push({ what, passed: true });
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        steps.push({ what, passed: false, detail: shorten(text.replace(/\u001b\[[0-9;]*m/g, '').trim()) });
      }
    },
  };
}

function shorten(text: string): string {
  return text.length <= 2 * detailLimit ? text : `${text.slice(0, detailLimit)}\n…\n${text.slice(-detailLimit)}`;
}
