// `npm start`: installs what is missing, then `keelson up --lab examples/datacenter` with the arguments passed through.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, pinnedNode, root, sourceConditions } from './node.mjs';

ensureInstalled();
const args = process.argv.slice(2);
const lab = args.includes('--lab') ? [] : ['--lab', join(root, 'examples', 'datacenter')];
const child = spawn(pinnedNode(), [...sourceConditions, join(root, 'packages', 'cli', 'src', 'bin.ts'), 'up', ...lab, ...args], { stdio: 'inherit' });
// The terminal sends Ctrl-C to both; the child ends in order and decides the exit code.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
