/** git as the foreign side: repositories by path, git-http-backend behind a listener, and git as the lab's client. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runProgram } from '../program.ts';
import { collectSteps, type Check, type Step } from './check.ts';
import { stepsOfTestFile } from './test-file.ts';

const testFile = 'packages/git/src/binary/git-binary.test.ts';

export const gitCheck: Check = {
  name: 'git', program: 'git', protocols: ['git', 'git-server'],
  async find() {
    const path = findProgram('git');
    return path === undefined ? undefined : { path, release: (await runProgram(path, ['--version'])).out.trim().replace(/^git version /, '') };
  },
  async run(context) {
    const client = (await stepsOfTestFile(testFile)).filter(({ what }) => !overSsh({ what }));
    const server = collectSteps();
    const keelson = await context.keelson();
    const git = async (cwd: string, ...args: readonly string[]) => {
      const ran = await runProgram(context.program.path, args, { cwd, env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' } });
      assert.equal(ran.code, 0, `git ${args[0]}: ${ran.err}`);
      return ran.out.trim();
    };
    const origin = (await git(keelson.clone, 'remote', 'get-url', 'origin')).replace(/\/\/[^@]+@/, '//');
    const clone = join(context.folder, 'clone');
    await server.step('clone and shallow clone over HTTP without an account', async () => {
      await git(context.folder, 'clone', '--quiet', origin, clone);
      await git(context.folder, 'clone', '--quiet', '--depth=1', '--branch=main', origin, join(context.folder, 'shallow'));
      await git(clone, 'fsck', '--strict');
    });
    await server.step('a push without an account is refused', async () => {
      writeFileSync(join(clone, 'note.txt'), 'a note\n');
      await git(clone, 'add', 'note.txt');
      await git(clone, '-c', 'user.name=check', '-c', 'user.email=check@keelson.invalid', 'commit', '--quiet', '-m', 'A note');
      await assert.rejects(git(clone, 'push', '--quiet', origin, 'main'));
    });
    return { rows: [{ protocol: 'git', steps: client }, { protocol: 'git-server', steps: server.steps }] };
  },
};

export const sshdCheck: Check = {
  name: 'git over ssh', program: 'sshd', protocols: ['git-ssh'],
  async find() {
    const path = findProgram('sshd');
    const ssh = findProgram('ssh');
    if (!path || !ssh) return undefined;
    return { path, release: ((await runProgram(ssh, ['-V'])).err.split(/[, ]/)[0] ?? '').trim() };
  },
  async run() {
    return { rows: [{ protocol: 'git-ssh', steps: (await stepsOfTestFile(testFile)).filter(overSsh) }] };
  },
};

function overSsh({ what }: Pick<Step, 'what'>): boolean {
  return what.startsWith('by ssh');
}
