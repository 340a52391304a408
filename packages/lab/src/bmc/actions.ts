/** What a Redfish client may change: power, boot override, virtual media. */
import { describeError, type HttpResponse } from '@keelson/std';
import { messageKeys } from '@keelson/bmc/wire';
import type { Machine } from '../machine/machine.ts';
import { commandPower } from '../machine/power.ts';
import type { BootOverride } from '../machine/state.ts';
import { answer, errorAnswer, type Body, type MessageRef } from './answers.ts';
import type { Tasks } from './tasks.ts';
import type { VendorFlavour } from './vendors.ts';

export interface ActionContext {
  readonly machine: Machine;
  readonly vendor: VendorFlavour;
  readonly tasks: Tasks;
  /** Who asked, for the journal. */
  readonly by: string;
}

type Failure = { readonly status: number; readonly message: MessageRef };

const imageCheckTimeoutMs = 10_000;

/** ComputerSystem.Reset */
export async function resetSystem({ machine, vendor, by }: ActionContext, body: Body): Promise<HttpResponse> {
  const type = body['ResetType'];
  if (type === undefined) return errorAnswer(400, { id: messageKeys.actionParameterMissing, args: ['ComputerSystem.Reset', 'ResetType'] });
  if (typeof type !== 'string' || !vendor.resetTypes.includes(type)) {
    return errorAnswer(400, { id: messageKeys.actionParameterValueNotInList, args: [String(type), 'ResetType', 'ComputerSystem.Reset'] });
  }
  const unknown = Object.keys(body).find((name) => name !== 'ResetType');
  if (unknown) return errorAnswer(400, { id: messageKeys.actionParameterUnknown, args: ['ComputerSystem.Reset', unknown] });
  switch (commandPower(machine, type, by)) {
    case 'done':
      break;
    case 'busy':
      return errorAnswer(503, { id: messageKeys.serviceTemporarilyUnavailable, args: ['1'] }, { 'retry-after': '1' });
    case 'already':
      if (vendor.alreadyThere) return errorAnswer(vendor.alreadyThere.status, { id: vendor.alreadyThere.messageId, args: ['ResetType', type] });
      break;
    case 'wrong-state':
      return errorAnswer(409, { id: messageKeys.actionParameterValueConflict, args: ['ResetType', type] });
  }
  await machine.saved();
  return answer(204);
}

const readOnlySystem = new Set([
  'Id', 'Name', 'UUID', 'SerialNumber', 'SKU', 'Manufacturer', 'Model', 'BiosVersion', 'PowerState', 'Status', 'BootProgress', 'ProcessorSummary', 'MemorySummary',
  'EthernetInterfaces', 'Processors', 'Storage', 'SimpleStorage', 'VirtualMedia', 'Links', 'Actions', 'SystemType', 'HostName',
]);

/** PATCH of the system: the boot override. */
export async function patchSystem({ machine, vendor, by }: ActionContext, body: Body): Promise<HttpResponse> {
  for (const name of Object.keys(body)) {
    if (name === 'Boot' || name.startsWith('@odata.')) continue;
    return errorAnswer(400, { id: readOnlySystem.has(name) ? messageKeys.propertyNotWritable : messageKeys.propertyUnknown, args: [name], related: [`#/${name}`] });
  }
  const wanted = body['Boot'];
  if (wanted === undefined) return errorAnswer(400, { id: messageKeys.propertyMissing, args: ['Boot'] });
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return errorAnswer(400, { id: 'PropertyValueTypeError', args: [String(wanted), 'Boot'] });
  if (vendor.bootLockedInPost && machine.state.activity.kind === 'post') return errorAnswer(400, { id: 'iLO.2.24.UnableToModifyDuringSystemPOST' });
  const next = bootFrom(machine.state.boot, wanted as Body, vendor); // an object: its fields are checked there
  if ('id' in next) return errorAnswer(400, next);
  machine.state.boot = next;
  machine.record('boot-override', by, next.enabled === 'Disabled' ? 'Disabled' : `${next.target} ${next.enabled} ${next.mode}`, { target: next.target, enabled: next.enabled });
  await machine.saved();
  return answer(204);
}

function bootFrom(now: BootOverride, wanted: Body, vendor: VendorFlavour): BootOverride | MessageRef {
  const wrong = (name: string): MessageRef => ({ id: messageKeys.propertyValueNotInList, args: [String(wanted[name]), name], related: [`#/Boot/${name}`] });
  let next = now;
  for (const [name, value] of Object.entries(wanted)) {
    switch (name) {
      case 'BootSourceOverrideTarget':
        if (typeof value !== 'string' || !vendor.bootTargets.includes(value)) return wrong(name);
        next = { ...next, target: value };
        break;
      case 'BootSourceOverrideEnabled':
        if (value !== 'Once' && value !== 'Continuous' && value !== 'Disabled') return wrong(name);
        next = { ...next, enabled: value };
        break;
      case 'BootSourceOverrideMode':
        if (value !== 'UEFI' && value !== 'Legacy') return wrong(name);
        next = { ...next, mode: value };
        break;
      case 'HttpBootUri':
        if (value !== null && typeof value !== 'string') return wrong(name);
        next = { ...next, httpBootUri: value ?? '' };
        break;
      default:
        return { id: messageKeys.propertyUnknown, args: [`Boot/${name}`], related: [`#/Boot/${name}`] };
    }
  }
  return next;
}

/** VirtualMedia.InsertMedia: the image must be reachable from the BMC. */
export async function insertMedia(context: ActionContext, slot: string, body: Body): Promise<HttpResponse> {
  const { machine, vendor, tasks, by } = context;
  const action = 'VirtualMedia.InsertMedia';
  const image = body['Image'];
  if (image === undefined) return errorAnswer(400, { id: messageKeys.actionParameterMissing, args: [action, 'Image'] });
  const unknown = Object.keys(body).find((name) => name !== 'Image' && !vendor.virtualMedia.insertParameters.includes(name));
  if (unknown) return errorAnswer(400, { id: messageKeys.actionParameterUnknown, args: [action, unknown] });
  if (typeof image !== 'string' || !/^https?:\/\/[^\s]+$/.test(image)) return errorAnswer(400, { id: 'ActionParameterValueFormatError', args: [String(image), 'Image', action] });
  if (machine.state.media[slot]) return errorAnswer(409, { id: messageKeys.resourceInUse });
  const attach = (failure: Failure | undefined): Failure | undefined => {
    if (failure) return failure;
    machine.state.media[slot] = { image, insertedAtMs: machine.env.clock.now(), writeProtected: body['WriteProtected'] !== false };
    machine.record('media-insert', by, `${slot}: ${image}`, { slot, image });
    return undefined;
  };
  const failure = await checkImage(machine, image);
  if (vendor.virtualMedia.asTask) return tasks.start(action, machine.latency.mediaTaskMs, () => attach(failure));
  if (attach(failure)) return errorAnswer(failure!.status, failure!.message);
  await machine.saved();
  return answer(204);
}

async function checkImage(machine: Machine, image: string): Promise<Failure | undefined> {
  if (machine.hasFault('media-insert-fails')) return { status: 500, message: { id: messageKeys.generalError } };
  try {
    const response = await machine.env.net.request(
      { method: 'HEAD', url: image, headers: { 'user-agent': 'lab-bmc' } },
      { timeoutMs: imageCheckTimeoutMs, tls: { insecureSkipVerify: true } }, // a BMC rarely has the image server's authority
    );
    if (response.status >= 200 && response.status < 300) return undefined;
    return { status: 400, message: { id: 'CouldNotEstablishConnection', args: [`${image} (HTTP ${response.status})`] } };
  } catch (error) {
    return { status: 400, message: { id: 'CouldNotEstablishConnection', args: [`${image} (${describeError(error)})`] } };
  }
}

/** VirtualMedia.EjectMedia; ejecting an empty slot is no error. */
export async function ejectMedia({ machine, by }: ActionContext, slot: string): Promise<HttpResponse> {
  const medium = machine.state.media[slot];
  if (medium) {
    delete machine.state.media[slot];
    machine.record('media-eject', by, `${slot}: ${medium.image}`, { slot, image: medium.image });
  }
  await machine.saved();
  return answer(204);
}
