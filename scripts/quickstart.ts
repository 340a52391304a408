/**
 * `npm run docs:quickstart`: does what README.md tells a new user to do, and writes what they see between its markers.
 * State goes to a folder of its own; in the text it is `.keelson`, where it is by default.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, root, runProgram, startProgram, sourceCommand } from '../test/program.ts';
import { replaceBetween } from './markers.ts';

const readyLimitMs = 300_000;
const changeLimitMs = 120_000;
/** Of what `npm start` prints. */
const linesAtStart = 9;
const linesAtEnd = 4;

const folder = mkdtempSync(join(tmpdir(), 'keelson-quickstart-'));
const dataDir = join(folder, '.keelson');
const kubectl = findProgram('kubectl');
if (!kubectl) throw new Error('the quick start uses kubectl, which is not here');

try {
  await using up = startProgram(process.execPath, [join(root, 'scripts', 'start.mjs'), '--data-dir', dataDir]);
  await up.says(/Ctrl-C ends/, readyLimitMs);
  const started = up.text();
  const traced = await keelson('trace', 'deployment/hello');
  const clone = join(dataDir, 'lab', 'repo');
  const workers = join(clone, 'clusters', 'edge', 'workers.yaml');
  writeFileSync(workers, readFileSync(workers, 'utf8').replace('replicas: 2', 'replicas: 3'));
  await must('git', ['-C', clone, 'commit', '--quiet', '--all', '--message', 'A third worker']);
  await must('git', ['-C', clone, 'push', '--quiet']);
  await must(kubectl, ['--kubeconfig', join(dataDir, 'kubeconfig'), 'wait', 'bmh/r1u06', '-n', 'datacenter', '--for=jsonpath={.status.provisioning.state}=provisioned', '--timeout=110s']);
  const hosts = await must(kubectl, ['--kubeconfig', join(dataDir, 'kubeconfig'), 'get', 'bmh', '-A']);
  const path = join(root, 'README.md');
  const readme = readFileSync(path, 'utf8');
  const picture = replaceBetween(readme, 'picture', block('npm run -s keelson trace deployment/hello', traced));
  const text = [
    block('npm start', shorten(started)),
    'That was the whole road, on machines that the lab plays. Now ask for a third worker, as a commit:',
    block([
      'cd .keelson/lab/repo', "sed -i 's/replicas: 2/replicas: 3/' clusters/edge/workers.yaml", "git commit -am 'A third worker' && git push", 'cd -',
      "kubectl --kubeconfig .keelson/kubeconfig wait bmh/r1u06 -n datacenter --for=jsonpath='{.status.provisioning.state}'=provisioned",
      'kubectl --kubeconfig .keelson/kubeconfig get bmh -A',
    ].join('\n'), hosts),
  ].join('\n\n');
  writeFileSync(path, replaceBetween(picture, 'quickstart', text));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function keelson(...args: readonly string[]): Promise<string> {
  return must(sourceCommand.path, [...sourceCommand.args, ...args, '--data-dir', dataDir]);
}

async function must(program: string, args: readonly string[]): Promise<string> {
  const ran = await runProgram(program, args, { timeoutMs: changeLimitMs });
  if (ran.code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${ran.code}: ${ran.err}`);
  return ran.out;
}

/** Commands and what they print, as a session. */
function block(commands: string, output: string): string {
  const typed = commands.split('\n').map((line) => `$ ${line}`).join('\n');
  return `\`\`\`\n${typed}\n${output.replaceAll(`${folder}/`, '').trimEnd()}\n\`\`\``;
}

/** The first and the last lines; what is left out is marked. */
function shorten(text: string): string {
  const lines = text.trimEnd().split('\n').filter((line) => !line.startsWith('(node:') && !line.startsWith('(Use `node'));
  return [...lines.slice(0, linesAtStart), `     …    (${lines.length - linesAtStart - linesAtEnd} lines)`, ...lines.slice(-linesAtEnd)].join('\n');
}
