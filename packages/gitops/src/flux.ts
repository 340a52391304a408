// Names that Flux's controllers write and read (facts of fluxcd/source-controller, kustomize-controller and notification-controller 1.9).

export const fluxFinalizer = 'finalizers.fluxcd.io';
export const requestedAtAnnotation = 'reconcile.fluxcd.io/requestedAt';

/** Field managers, as upstream's controllers write them. */
export const managers = {
  source: 'source-controller',
  /** Of applied objects. */
  apply: 'kustomize-controller',
  /** Of a Kustomization's own status and finalizers, so that a parent that applies the Kustomization does not take them over. */
  kustomization: 'gotk-kustomize-controller',
  notification: 'notification-controller',
} as const;

/** Condition types shared by Flux's kinds. */
export const conditionTypes = {
  ready: 'Ready',
  reconciling: 'Reconciling',
  stalled: 'Stalled',
  healthy: 'Healthy',
  artifactInStorage: 'ArtifactInStorage',
  artifactOutdated: 'ArtifactOutdated',
  fetchFailed: 'FetchFailed',
  storageOperationFailed: 'StorageOperationFailed',
  /** Ours: fields of the spec that are accepted and not acted on. */
  fieldsIgnored: 'FieldsIgnored',
} as const;

/** The artifact in a source's status. */
export interface Artifact {
  readonly digest: string;
  readonly lastUpdateTime: string;
  readonly path: string;
  readonly revision: string;
  readonly url: string;
  readonly size?: number;
  readonly metadata?: Record<string, string>;
}
