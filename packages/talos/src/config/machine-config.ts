/** What the configuration of a Talos machine is to us: documents in order, the first without a kind is the v1alpha1 root. */
import type { SecretsBundle } from '../pki/secrets-bundle.ts';
import type { VersionContract } from '../version-contract.ts';

/** One document as parsed from YAML. */
export type ConfigDocument = Readonly<Record<string, unknown>>;

/** A machine configuration: its documents in order. Plain data; never changed in place. */
export type MachineConfig = readonly ConfigDocument[];

export type MachineRole = 'controlplane' | 'worker';

/** Flag → value, or values where the flag is given several times. */
export type ExtraArgs = Readonly<Record<string, string | readonly string[]>>;

export interface InstallInput {
  /** Device path, e.g. /dev/sda. Exactly one of disk and diskSelector. */
  readonly disk?: string;
  /** CEL expression over `disk`, e.g. `disk.serial == "S1"`. */
  readonly diskSelector?: string;
  /** Installer image with tag. */
  readonly image: string;
  readonly wipe?: boolean;
  /** Upstream's default: it reboots after the installation when `image` is set. */
  readonly reboot?: boolean;
}

export interface MachineConfigInput {
  readonly role: MachineRole;
  readonly clusterName: string;
  /** URL of the Kubernetes API: `https://host:6443`. */
  readonly endpoint: string;
  /** `v1.37.0` or `1.37.0`. */
  readonly kubernetesVersion: string;
  /** The dialect to write; the newest one when absent. Older than 1.14 is refused. */
  readonly contract?: VersionContract;
  readonly bundle: SecretsBundle;
  /** Absent: no installation is asked for (the machine stays as it booted). */
  readonly install?: InstallInput;
  /** Absent: the machine takes a stable name of its own (`auto: stable`). */
  readonly hostname?: string;
  readonly podSubnets?: readonly string[];
  readonly serviceSubnets?: readonly string[];
  readonly dnsDomain?: string;
  readonly kubeletExtraArgs?: ExtraArgs;
  readonly kubeletExtraConfig?: Readonly<Record<string, unknown>>;
  readonly apiServerExtraArgs?: ExtraArgs;
  /** Of the Kubernetes API's certificate. */
  readonly certSans?: readonly string[];
  /** Of the Talos API's certificate; those of the Kubernetes API when absent, as upstream has it. */
  readonly machineCertSans?: readonly string[];
  readonly allowSchedulingOnControlPlanes?: boolean;
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly nodeAnnotations?: Readonly<Record<string, string>>;
  /** Key → `value:Effect` or `Effect`. */
  readonly nodeTaints?: Readonly<Record<string, string>>;
  /** Default flannel. `none` leaves it to manifests of yours. */
  readonly cni?: 'flannel' | 'none';
  /** Default true. */
  readonly kubeProxy?: boolean;
  /** Default true. */
  readonly coreDns?: boolean;
  /** Default true. */
  readonly clusterDiscovery?: boolean;
  readonly kubeSpan?: boolean;
  /** Registry host → mirror URLs. */
  readonly registryMirrors?: Readonly<Record<string, readonly string[]>>;
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** What is wrong in a configuration, and where: `document` is `v1alpha1` or `Kind` or `Kind/name`, `path` in dots. */
export interface ConfigFinding {
  readonly document: string;
  readonly path: string;
  readonly message: string;
}

/** `v1alpha1` for the root, else `Kind` or `Kind/name`: what identifies a document. */
export function documentId(document: ConfigDocument): string {
  const kind = document['kind'];
  if (typeof kind !== 'string') return 'v1alpha1';
  const name = document['name'];
  return typeof name === 'string' && name !== '' ? `${kind}/${name}` : kind;
}

/** The first document of a kind (and name); undefined when there is none. `v1alpha1` asks for the root. */
export function findDocument(config: MachineConfig, kind: string, name?: string): ConfigDocument | undefined {
  return config.find((document) => (kind === 'v1alpha1' ? document['kind'] === undefined : document['kind'] === kind) && (name === undefined || document['name'] === name));
}

/** A deep copy without undefined values. */
export function plainCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(plainCopy) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).map(([key, item]) => [key, plainCopy(item)])) as T;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
