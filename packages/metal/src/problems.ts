import { defineProblems } from '@keelson/std';

/** What can be wrong with a host besides its BMC (those are in @keelson/bmc). Commands name the host by namespace and name. */
export const metalProblems = defineProblems({
  credentialsMissing: {
    code: 'HOST.CREDENTIALS_MISSING', severity: 'error', summary: 'host {host}: the Secret with the BMC credentials is missing', graceSeconds: 10,
    next: ['create Secret {secret} with the keys username and password'],
  },
  credentialsIncomplete: {
    code: 'HOST.CREDENTIALS_INCOMPLETE', severity: 'error', summary: 'host {host}: the Secret with the BMC credentials is incomplete',
    next: ['give Secret {secret} the keys username and password, both not empty'],
  },
  wrongMachine: {
    code: 'HOST.WRONG_MACHINE', severity: 'error', summary: 'host {host}: another machine answers at its BMC address', reason: 'RegistrationFailed',
    next: [
      'correct spec.bmc.address, or put the machine back',
      'if the machine was replaced on purpose and its disks may be overwritten: kubectl annotate bmh -n {namespace} {name} metal.keelson.dev/identity-',
    ],
  },
  duplicateMachine: {
    code: 'HOST.DUPLICATE_MACHINE', severity: 'error', summary: 'host {host}: its machine belongs to another host', reason: 'RegistrationFailed',
    next: ['delete one of the two hosts, or correct its spec.bmc.address'],
  },
  fieldGuardsData: {
    code: 'HOST.FIELD_GUARDS_DATA', severity: 'error', summary: 'host {host}: {field} is set, guards data, and is not acted on; nothing is done with the machine',
    next: ['remove {field}, or manage this host with metal3 until the field is served'],
  },
  imageNotServed: {
    code: 'HOST.IMAGE_NOT_SERVED', severity: 'error', summary: 'host {host}: this kind of image cannot be provisioned yet',
    next: ['use an ISO: spec.image.format: live-iso'],
  },
  noVirtualMedia: {
    code: 'HOST.NO_VIRTUAL_MEDIA', severity: 'error', summary: 'host {host}: the BMC has no virtual CD, so no image can be booted',
    next: ['keelson host probe {address}', "update the BMC's firmware or install its virtual media licence"],
  },
  powerStuck: {
    code: 'HOST.POWER_STUCK', severity: 'error', summary: 'host {host}: the machine does not reach the power state it was asked for',
    next: ['keelson host probe {address}', "look at the machine's console and its BMC event log"],
  },
  inspectionFailed: {
    code: 'HOST.INSPECTION_FAILED', severity: 'error', summary: 'host {host}: its hardware cannot be read',
    next: ['keelson host probe {address}', 'or give the hardware in annotation inspect.metal3.io/hardwaredetails with spec.inspectionMode: disabled'],
  },
  hardwareDetailsInvalid: {
    code: 'HOST.HARDWARE_DETAILS_INVALID', severity: 'warning', summary: 'host {host}: annotation inspect.metal3.io/hardwaredetails cannot be used',
    next: ['write it as JSON of status.hardware'],
  },
  provisioningGaveUp: {
    code: 'HOST.PROVISIONING_GAVE_UP', severity: 'error', summary: 'host {host}: provisioning failed {tries} times and waits for a change',
    next: ['mend the cause, then change spec.image or take the host out of its cluster'],
  },
  wipeNotConfirmed: {
    code: 'HOST.WIPE_NOT_CONFIRMED', severity: 'error', summary: 'host {host}: its disk is not known to be wiped, so it does not become available',
    next: [
      "look at the machine's console",
      `to power it off and start it from its disk and then from the image: kubectl annotate bmh -n {namespace} {name} reboot.metal3.io='{"mode":"hard"}'`,
      'to give up the wipe and leave the data on its disks: kubectl patch bmh -n {namespace} {name} --type=merge -p \'{"spec":{"automatedCleaningMode":"disabled"}}\'',
    ],
  },
  wipeImpossible: {
    code: 'HOST.WIPE_IMPOSSIBLE', severity: 'error', summary: 'host {host}: nothing can wipe its disk, so it does not become available',
    next: [
      'annotate the host with metal.keelson.dev/talosconfig-secret=<Secret with key talosconfig> when a Talos node runs on it',
      'to give up the wipe and leave the data on its disks: kubectl patch bmh -n {namespace} {name} --type=merge -p \'{"spec":{"automatedCleaningMode":"disabled"}}\'',
    ],
  },
  nodeIsAnother: {
    code: 'HOST.NODE_IS_ANOTHER_MACHINE', severity: 'error', summary: "host {host}: the node at the host's address is another machine; it is not wiped",
    next: ['keelson host probe {address}', 'correct the address of the machine (DHCP lease, annotation inspect.metal3.io/hardwaredetails)'],
  },
  occupied: {
    code: 'HOST.OCCUPIED', severity: 'error', summary: 'host {host}: its machine runs something that is not known here, so it is neither stopped nor given an image',
    next: [
      'if it belongs to a cluster that Keelson built, and its store was lost: stop Keelson and restore the backup of its data directory',
      'to keep the machine as it is: set spec.externallyProvisioned: true',
      'if its disks may be overwritten (wipe a Talos node first: talosctl reset): kubectl annotate bmh -n {namespace} {name} metal.keelson.dev/overwrite={machine}',
    ],
  },
  externalWithoutImage: {
    code: 'HOST.EXTERNAL_WITHOUT_IMAGE', severity: 'error', summary: 'host {host}: externallyProvisioned was removed and no image says what runs on the machine',
    next: ['set spec.image to what runs there to take it over', 'or set externallyProvisioned: true again'],
  },
  deletedInUse: {
    code: 'HOST.DELETED_IN_USE', severity: 'error', summary: 'host {host}: it is to be deleted while a machine of a cluster runs on it; it is not wiped and stays until that machine goes',
    next: [
      'to take the node out of its cluster and wipe it: delete its Machine (keelson trace host/{name} -n {namespace} names it)',
      'to let go of the host and leave the node running: kubectl annotate bmh -n {namespace} {name} baremetalhost.metal3.io/detached=',
    ],
  },
  imageTakenInUse: {
    code: 'HOST.IMAGE_TAKEN_IN_USE', severity: 'error', summary: 'host {host}: its image was taken away or changed while a machine of a cluster runs on it; it is not wiped',
    next: [
      'to take the node out of its cluster and wipe it: delete its Machine (keelson trace host/{name} -n {namespace} names it)',
      'or put spec.image.url back: {image}',
    ],
  },
  deletedUnwiped: {
    code: 'HOST.DELETED_UNWIPED', severity: 'warning', summary: 'host {host}: deleted without knowing its disk wiped or the machine off',
    next: ['wipe the machine by hand before it is used again'],
  },
});
