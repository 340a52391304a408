import type { Env } from '@keelson/std';
import type { CommandContext } from './arguments.ts';

/** The world a command acts on: the machine's own unless the caller has given another. */
export async function worldOf(context: Pick<CommandContext, 'world'>): Promise<Env> {
  return context.world ?? (await import('@keelson/std/node')).nodeEnv();
}
