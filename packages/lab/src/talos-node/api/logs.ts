/** Logs, the kernel log and single files. */
import { encodeText } from '@keelson/std';
import { talosMethods } from '@keelson/talos/wire';
import { consoleText } from '../events.ts';
import { fail, streamRoute, type ApiCall, type Route } from './route.ts';

const service = talosMethods['machine.MachineService'];

/** Files a client may read; the ones that tools look at. */
function fileText(call: ApiCall, path: string): string | undefined {
  const { machine, state, hostname } = call.node;
  const upSeconds = (machine.env.clock.now() - machine.state.bootedAtMs) / 1000;
  switch (path) {
    case '/proc/sys/kernel/random/boot_id':
      return `${machine.state.bootId}\n`;
    case '/proc/cmdline':
      return `${(state?.image.kernelArgs ?? []).join(' ')}\n`;
    case '/proc/uptime':
      return `${upSeconds.toFixed(2)} ${(upSeconds * machine.spec.cpu.threads).toFixed(2)}\n`;
    case '/proc/sys/kernel/hostname':
    case '/etc/hostname':
      return `${hostname}\n`;
    case '/etc/os-release':
      return `NAME="Talos"\nID=talos\nVERSION_ID=${state?.image.version ?? ''}\nPRETTY_NAME="Talos (${state?.image.version ?? ''})"\n`;
    default:
      return undefined;
  }
}

/** Lines of one service, in the order they came. */
function serviceLines(call: ApiCall, id: string): readonly string[] {
  const { state } = call.node;
  if (!state?.services[id]) throw fail.notFound(`log "${id}" was not registered`);
  return state.console.map((line) => line.text).filter((text) => id === 'machined' || text.includes(`service[${id}]`));
}

async function* followed(call: ApiCall, wanted: (line: string) => boolean): AsyncGenerator<{ bytes: Uint8Array }> {
  const live = call.node.log.followConsole();
  const stop = () => live.end();
  call.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of live) if (wanted(line)) yield { bytes: encodeText(line) };
  } finally {
    call.signal.removeEventListener('abort', stop);
    stop();
  }
}

export const logRoutes: readonly Route[] = [
  streamRoute(service.Logs, 'AOR', async function* (request, call) {
    if (request.namespace !== 'system' && request.id !== 'kubelet') throw fail.notFound(`container "${request.id}" not found`);
    const lines = serviceLines(call, request.id);
    const shown = request.tailLines < 0 ? lines : request.tailLines === 0 && request.follow ? [] : lines.slice(request.tailLines > 0 ? -request.tailLines : 0);
    for (const line of shown) yield { bytes: encodeText(`${line}\n`) };
    if (request.follow) yield* followed(call, (line) => request.id === 'machined' || line.includes(`service[${request.id}]`));
  }),
  streamRoute(service.Dmesg, 'AOR', async function* (request, call) {
    const { machine, state } = call.node;
    if (!request.tail) for (const line of state?.console ?? []) yield { bytes: encodeText(consoleText(line.atMs, machine.state.bootedAtMs, line.text)) };
    if (request.follow || request.tail) yield* followed(call, () => true);
  }),
  streamRoute(service.Read, 'A', async function* (request, call) {
    const text = fileText(call, request.path);
    if (text === undefined) throw fail.notFound(`stat ${request.path}: no such file or directory`);
    yield { bytes: encodeText(text) };
  }),
];
