import type { StateName } from '@keelson/trace';

export interface Style {
  readonly state: (state: StateName) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
}

/** Sign and word of a state: never colour alone. */
const stateWords: Readonly<Record<StateName, readonly [sign: string, colour: number]>> = {
  ready: ['✔', 32], working: ['◐', 36], waiting: ['…', 33], failed: ['✗', 31], off: ['○', 90],
};

/** Colours when asked for, plain text otherwise. */
export function createStyle(colour: boolean): Style {
  const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    state: (state) => paint(stateWords[state][1])(`${stateWords[state][0]} ${state}`),
    dim: paint(2),
    bold: paint(1),
    red: paint(31),
  };
}

/** Whether to colour: `--color always|never` decides, then NO_COLOR, then whether it is a terminal. */
export function wantsColour(flag: string | undefined, environment: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if (flag === 'always') return true;
  if (flag === 'never' || environment['NO_COLOR']) return false;
  return isTerminal;
}
