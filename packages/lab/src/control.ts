/** The lab's own door: what its machines do, their journals, and faults by name. For people and the CLI; Keelson never uses it. */
import { jsonResponse, readText, requestUrl, type HttpHandler } from '@keelson/std';
import { faultNames, isFaultName } from './faults/faults.ts';
import type { Lab } from './lab.ts';

const bodyLimit = 64 * 1024;

/** `GET /status`, `GET /journal?machine=NAME`, `POST /faults {machine, fault, on}`. */
export function labControl(lab: Lab): HttpHandler {
  return async (request) => {
    const url = requestUrl(request);
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /status':
        return jsonResponse(200, lab.status());
      case 'GET /journal': {
        const machine = url.searchParams.get('machine');
        return jsonResponse(200, lab.journal().filter((entry) => machine === null || entry.machine === machine));
      }
      case 'POST /faults':
        return setFault(lab, await readText(request.body, bodyLimit));
      default:
        return jsonResponse(404, { error: `the lab has no ${request.method} ${url.pathname}` });
    }
  };
}

async function setFault(lab: Lab, text: string): Promise<Awaited<ReturnType<HttpHandler>>> {
  let body: { machine?: unknown; fault?: unknown; on?: unknown };
  try {
    body = JSON.parse(text) as typeof body; // every field is checked below
  } catch {
    return jsonResponse(400, { error: 'the body is not JSON' });
  }
  const { machine, fault, on = true } = body;
  if (typeof machine !== 'string' || !lab.machines.some(({ name }) => name === machine)) {
    return jsonResponse(404, { error: `there is no machine ${JSON.stringify(machine)}; there are ${lab.machines.map(({ name }) => name).join(', ')}` });
  }
  if (typeof fault !== 'string' || !isFaultName(fault)) return jsonResponse(404, { error: `there is no fault ${JSON.stringify(fault)}; there are ${faultNames.join(', ')}` });
  await lab.setFault(machine, fault, on === true);
  return jsonResponse(200, { machine, fault, on: on === true });
}
