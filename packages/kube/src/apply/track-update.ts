// Field owners after a create, update or patch: apimachinery pkg/util/managedfields/internal (fieldmanager.go, managedfieldsupdater.go).
import type { KubeObject } from '../object.ts';
import type { Manager } from './managed-fields.ts';
import { capUpdateManagers, decodeManagers, withManagers, withoutManagedFields } from './managed-fields.ts';
import type { TrackingOptions } from './tracking.ts';
import { emptyObject, fit, recordUpdate } from './tracking.ts';
import { objectAtom } from './typed.ts';

export interface UpdateInput extends TrackingOptions {
  /** The stored object; undefined for a create. */
  readonly before?: KubeObject;
  /** The object as it is to be stored. */
  readonly after: KubeObject;
}

/**
 * The object to store with its managedFields brought up to date for a create, an update or a patch that is not an apply.
 * Never conflicts. When managedFields cannot be kept (they are malformed, or the object does not fit the schema),
 * the ones stored before stay.
 */
export function trackUpdate(input: UpdateInput): KubeObject {
  const { before, after } = input;
  try {
    return track(input);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const bare = withoutManagedFields(after);
    const kept = before?.metadata.managedFields;
    return kept ? { ...bare, metadata: { ...bare.metadata, managedFields: kept } } : bare;
  }
}

function track(input: UpdateInput): KubeObject {
  const after = withoutManagedFields(input.after);
  const managers = updateManagers(input);
  // An object that nobody tracked before its first apply stays untracked.
  if (managers.size === 0 && input.before?.metadata.uid) return after;
  const atom = objectAtom(input.schema, input.resolver);
  const before = input.before ? withoutManagedFields(input.before) : emptyObject(after);
  fit(atom, after, true, 'new');
  if (input.before) fit(atom, before, true, 'live');
  recordUpdate(managers, atom, before, after, input, input.manager);
  capUpdateManagers(managers);
  return withManagers(after, managers);
}

/** The managers an update starts from: those sent with the object, so that they can be edited, or the stored ones. */
function updateManagers(input: UpdateInput): Map<string, Manager> {
  const sent = input.after.metadata?.managedFields;
  const stored = () => {
    try {
      return decodeManagers(input.before?.metadata.managedFields);
    } catch {
      return new Map<string, Manager>();
    }
  };
  if (input.subresource) return stored();
  if (Array.isArray(sent) && (sent.length === 0 || (sent.length === 1 && Object.keys(sent[0] ?? {}).length === 0))) return new Map();
  try {
    const managers = decodeManagers(sent);
    return managers.size > 0 ? managers : stored();
  } catch {
    return stored();
  }
}
