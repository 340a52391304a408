import type { Strategy } from './strategy.ts';
import { customStrategy } from './strategy.ts';

/** The strategy of a built-in kind. */
export function builtInStrategy(group: string, kind: string): Strategy {
  void group, kind;
  return { ...customStrategy, updatesUnconditionally: true };
}
