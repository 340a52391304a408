import type { Snapshot } from '@keelson/trace';

/** Says on stderr what the server did not let us see: an answer that leaves things out has to tell so. */
export function tellUnread({ unread }: Pick<Snapshot, 'unread'>, err: (text: string) => void): void {
  if (unread.length > 0) err(`not shown, for want of rights: ${unread.map(({ kind }) => kind).join(', ')}\n`);
}
