// Admission that belongs to no kind's own rules: protected namespaces, and definitions of kinds.
import type { KubeObject } from '@keelson/kube';
import type { Draft } from '../kinds/strategy.ts';
import { forbidden, methodNotAllowed } from '../http/api-status.ts';
import type { Change, WriteRequest } from '../registry/request-context.ts';

/** Namespaces that cannot be deleted. */
const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

export interface Admission {
  admit(request: WriteRequest, change: Change): Promise<KubeObject | undefined> | undefined;
  check(request: WriteRequest, change: Change): Promise<void> | undefined;
  /** Gives definitions to whoever sets their status. */
  use(admitDefinition: (object: Draft, operation: 'CREATE' | 'UPDATE') => void): void;
}

/** The admission chain; every step may change the object in place or throw StatusError. */
export function createAdmission(escalation: (request: WriteRequest, change: Change) => void): Admission {
  let admitDefinition: ((object: Draft, operation: 'CREATE' | 'UPDATE') => void) | undefined;
  return {
    admit(request, change) {
      const { resource } = request.served;
      if (change.operation === 'CREATE' && resource.isTerminating) {
        throw methodNotAllowed(`create not allowed while custom resource definition is terminating`);
      }
      if (change.operation === 'DELETE' && resource.group === '' && resource.kind === 'Namespace' && immortal.has(change.name)) {
        throw forbidden({ group: '', name: 'namespaces' }, change.name, 'this namespace may not be deleted');
      }
      const isDefinition = resource.group === 'apiextensions.k8s.io' && resource.kind === 'CustomResourceDefinition';
      if (isDefinition && request.subresource === undefined && change.object && change.operation !== 'DELETE') admitDefinition?.(change.object, change.operation);
      return undefined;
    },
    check(request, change) {
      escalation(request, change);
      return undefined;
    },
    use(admit) {
      admitDefinition = admit;
    },
  };
}
