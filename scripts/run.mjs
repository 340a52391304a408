// Runs a TypeScript file on the Node that the project pins, with the conditions its sources need.
import { spawnSync } from 'node:child_process';
import { pinnedNode, sourceConditions } from './node.mjs';

const run = spawnSync(pinnedNode(), [...sourceConditions, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(run.status ?? 1);
