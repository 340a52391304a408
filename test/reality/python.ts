/** Python's standard library as a client of the lab's BMC, in the lab's own tests on sockets. */
import { findProgram, runProgram } from '../program.ts';
import type { Check } from './check.ts';
import { stepsOfTestFile } from './test-file.ts';

export const pythonCheck: Check = {
  name: 'python', program: 'python3', protocols: ['redfish-bmc'],
  async find() {
    const path = findProgram('python3');
    return path === undefined ? undefined : { path, release: (await runProgram(path, ['--version'])).out.replace('Python', '').trim() };
  },
  async run() {
    return { rows: [{ protocol: 'redfish-bmc', steps: (await stepsOfTestFile('packages/lab/src/real-sockets.test.ts')).filter(({ what }) => what.startsWith('python ')) }] };
  },
};
