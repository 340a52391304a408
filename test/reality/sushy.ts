/** Our Redfish driver against sushy-emulator: the probe and the conformance suite. */
import { findProgram } from '../program.ts';
import type { Check } from './check.ts';
import { checkSushyEmulator } from './sushy-emulator.ts';

export const sushyCheck: Check = {
  name: 'Redfish driver', program: 'sushy-emulator', protocols: ['redfish'],
  async find() {
    const path = findProgram('sushy-emulator');
    return path === undefined ? undefined : { path, release: '' };
  },
  async run({ program }) {
    const { rows, probe, release } = await checkSushyEmulator({ path: program.path });
    const steps = rows.filter(({ outcome }) => outcome !== 'skipped').map((row) => ({ what: row.name, passed: row.outcome === 'passed', ...(row.outcome === 'failed' ? { detail: row.detail } : {}) }));
    const usable = { what: 'host probe finds it usable', passed: probe?.usable === true };
    return { release, rows: [{ protocol: 'redfish', steps: [usable, ...steps] }] };
  },
};
