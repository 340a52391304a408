/**
 * Annotations with which our controllers record intent or hand something on. Each belongs to the domain of its prefix:
 * `metal.keelson.dev/`, `cluster.keelson.dev/`, `gitops.keelson.dev/`.
 */
export const keelsonAnnotations = {
  /** On a BareMetalHost: name of the Secret (same namespace, key `talosconfig`) that opens the Talos API of the node on it. */
  talosconfigSecret: 'metal.keelson.dev/talosconfig-secret',
} as const;

/** Prefixes of all annotations of ours. */
export const keelsonAnnotationPrefixes = ['metal.keelson.dev/', 'cluster.keelson.dev/', 'gitops.keelson.dev/'] as const;

/** Annotations of upstream's controllers that we honour under their own names. */
export const upstreamAnnotations = {
  /** Flux: reconcile now; the value is copied to status.lastHandledReconcileAt. */
  reconcileRequestedAt: 'reconcile.fluxcd.io/requestedAt',
  /** Metal3: hardware details given by the user in place of an inspection. */
  hardwareDetails: 'inspect.metal3.io/hardwaredetails',
  /** Metal3: `disabled` skips inspection; `` (empty) asks for another one. */
  inspect: 'inspect.metal3.io',
  /** Metal3: controllers leave the host alone. */
  hostPaused: 'baremetalhost.metal3.io/paused',
  /** Metal3: deleting the host neither powers it off nor wipes it. */
  hostDetached: 'baremetalhost.metal3.io/detached',
  /** Metal3: asks for a reboot; with a suffix the host stays off until the annotation goes. */
  hostReboot: 'reboot.metal3.io',
  /** CAPM3, on a Metal3Machine: `namespace/name` of the host it has. */
  machineHost: 'metal3.io/BareMetalHost',
  /** Cluster API: controllers leave the object alone. */
  clusterPaused: 'cluster.x-k8s.io/paused',
} as const;
