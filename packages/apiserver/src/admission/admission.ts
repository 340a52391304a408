// Admission that belongs to no kind's own rules: protected namespaces, and definitions of kinds.
import type { KubeObject } from '@keelson/kube';
import type { Draft } from '../kinds/strategy.ts';
import { forbidden, methodNotAllowed } from '../http/api-status.ts';
import type { Webhooks } from './webhooks.ts';
import type { Change, WriteRequest } from '../registry/request-context.ts';

/** Namespaces that cannot be deleted. */
const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

/** Policies in CEL: kept for those who look for them. */
const storedOnly: ReadonlySet<string> = new Set(['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding']);

export interface Admission {
  admit(request: WriteRequest, change: Change): Promise<KubeObject | undefined> | undefined;
  check(request: WriteRequest, change: Change): Promise<void> | undefined;
  /** Gives definitions to whoever sets their status. */
  use(admitDefinition: (object: Draft, operation: 'CREATE' | 'UPDATE') => void): void;
  /** Asks webhooks from now on: a server makes what it needs without them. */
  useWebhooks(webhooks: Webhooks): void;
}

/** The admission chain; every step may change the object in place or throw StatusError. */
export function createAdmission(escalation: (request: WriteRequest, change: Change) => void): Admission {
  let webhooks: Webhooks | undefined;
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
      if (change.operation !== 'DELETE' && storedOnly.has(resource.kind) && resource.group === 'admissionregistration.k8s.io') {
        request.warnings.add(`this server stores ${resource.kind} objects but does not enforce them`);
      }
      return webhooks?.mutate(request, change);
    },
    check(request, change) {
      escalation(request, change);
      return webhooks?.validate(request, change);
    },
    use(admit) {
      admitDefinition = admit;
    },
    useWebhooks(given) {
      webhooks = given;
    },
  };
}
