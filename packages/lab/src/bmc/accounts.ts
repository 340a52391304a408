/** Who may talk to a BMC: basic authentication and Redfish sessions (DSP0266, section on authentication). */
import { timingSafeEqual, createHash } from 'node:crypto';
import type { Env, HttpRequest } from '@keelson/std';
import type { Account } from '../datacenter.ts';

export interface BmcSession {
  readonly id: string;
  readonly token: string;
  readonly username: string;
  lastUsedMs: number;
}

const idleLimitMs = 30 * 60_000;

export interface Accounts {
  /** The user of a request; undefined when it has no valid credentials. */
  userOf(request: HttpRequest): string | undefined;
  /** A new session, `refused` for wrong credentials, `full` when all are taken. */
  open(username: string, password: string): BmcSession | 'refused' | 'full';
  close(id: string): boolean;
  sessions(): readonly BmcSession[];
  /** Ends every session, as a restart of the BMC does. */
  clear(): void;
}

/** Sessions live in the BMC's memory: a restart of the lab ends them, as a restart of a BMC does. */
export function bmcAccounts(env: Env, account: Account, limit: number): Accounts {
  const sessions = new Map<string, BmcSession>();
  let count = 0;
  const expire = () => {
    for (const [id, session] of sessions) if (env.clock.now() - session.lastUsedMs > idleLimitMs) sessions.delete(id);
  };
  const isAccount = (username: string, password: string) => same(username, account.username) && same(password, account.password);
  return {
    userOf(request) {
      expire();
      const token = request.headers['x-auth-token'];
      if (token !== undefined) {
        const session = [...sessions.values()].find((one) => same(one.token, token));
        if (session) session.lastUsedMs = env.clock.now();
        return session?.username;
      }
      const basic = /^Basic\s+(.+)$/i.exec(request.headers['authorization'] ?? '');
      if (!basic) return undefined;
      const text = Buffer.from(basic[1]!, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      return colon >= 0 && isAccount(text.slice(0, colon), text.slice(colon + 1)) ? account.username : undefined;
    },
    open(username, password) {
      expire();
      if (!isAccount(username, password)) return 'refused';
      if (sessions.size >= limit) return 'full';
      const session = { id: String(++count), token: Buffer.from(env.random.bytes(16)).toString('hex'), username, lastUsedMs: env.clock.now() };
      sessions.set(session.id, session);
      return session;
    },
    close: (id) => sessions.delete(id),
    sessions() {
      expire();
      return [...sessions.values()];
    },
    clear: () => sessions.clear(),
  };
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
