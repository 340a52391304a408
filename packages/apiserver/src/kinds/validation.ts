// Rules that built-in kinds have beyond their schema: kubernetes/pkg/apis/<group>/validation.
import type { KubeObject, LabelSelector } from '@keelson/kube';
import { checkDnsLabel, checkLabelKey, matchesLabels, selectorOf, SelectorError } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { duplicate, forbidden, invalid, notSupported, required } from '@keelson/kube/schema';
import type { Fields } from './fields.ts';
import { fieldsAt, isSame, listAt, numberAt, textAt, textMapAt } from './fields.ts';

const immutable = 'field is immutable';

/** An error when a field of two objects differs. */
export function unchanged(object: KubeObject, old: KubeObject, path: string, message = immutable): FieldError[] {
  const names = path.split('.');
  const last = names.pop() ?? '';
  const now = names.length > 0 ? fieldsAt(object, ...names)?.[last] : object[last];
  const before = names.length > 0 ? fieldsAt(old, ...names)?.[last] : old[last];
  return isSame(now, before) ? [] : [invalid(path, now ?? null, message)];
}

/** An error when a text is none of those that are allowed; absent is for the schema. */
export function oneOf(value: unknown, path: string, allowed: readonly string[]): FieldError[] {
  return value === undefined || value === null || allowed.includes(String(value)) ? [] : [notSupported(path, value, allowed)];
}

export function notNegative(value: unknown, path: string): FieldError[] {
  return typeof value === 'number' && value < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

/** A selector that has to select the pods of the template beside it. */
export function validateSelectedTemplate(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const selector = fieldsAt(spec, 'selector');
  if (!spec || !selector) return [];
  const isPlain = object.kind === 'ReplicationController';
  const given = (isPlain ? { matchLabels: textMapAt(spec, 'selector') } : selector) as LabelSelector;
  const isEmpty = Object.keys(given.matchLabels ?? {}).length + (given.matchExpressions ?? []).length === 0;
  if (isEmpty) return [invalid('spec.selector', selector, `empty selector is invalid for ${object.kind.toLowerCase()}`)];
  try {
    const labels = textMapAt(fieldsAt(spec, 'template', 'metadata'), 'labels');
    if (!matchesLabels(selectorOf(given), labels)) return [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    return [invalid('spec.selector', selector, error.message)];
  }
  return [];
}

const restartPolicies = ['Always', 'OnFailure', 'Never'];

/** A workload whose pods run for ever. */
export function validateWorkload(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const template = fieldsAt(spec, 'template', 'spec');
  const errors = [...notNegative(spec?.['replicas'], 'spec.replicas'), ...validateSelectedTemplate(object), ...validatePodSpec(template, 'spec.template.spec')];
  errors.push(...oneOf(template?.['restartPolicy'], 'spec.template.spec.restartPolicy', ['Always']));
  if (object.kind === 'Deployment') {
    const strategy = fieldsAt(spec, 'strategy');
    errors.push(...oneOf(strategy?.['type'], 'spec.strategy.type', ['Recreate', 'RollingUpdate']));
    if (strategy?.['type'] === 'Recreate' && strategy['rollingUpdate'] !== undefined) {
      errors.push(forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"));
    }
  }
  return errors;
}

export function validateJob(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const template = fieldsAt(spec, 'template', 'spec');
  return [
    ...['parallelism', 'completions', 'backoffLimit', 'ttlSecondsAfterFinished'].flatMap((name) => notNegative(spec?.[name], `spec.${name}`)),
    ...validatePodSpec(template, 'spec.template.spec'),
    ...oneOf(template?.['restartPolicy'], 'spec.template.spec.restartPolicy', ['OnFailure', 'Never']),
  ];
}

export function validateCronJob(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const schedule = textAt(spec, 'schedule') ?? '';
  const fields = schedule.trim().split(/\s+/);
  const isNamed = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every .+)$/.test(schedule);
  const errors: FieldError[] = [];
  if (schedule === '') errors.push(required('spec.schedule'));
  else if (!isNamed && (fields.length !== 5 || fields.some((field) => !/^[\d*,/?\-A-Za-z]+$/.test(field)))) {
    errors.push(invalid('spec.schedule', schedule, `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`));
  }
  if (object.metadata.name.length > 52) errors.push(invalid('metadata.name', object.metadata.name, 'must be no more than 52 characters'));
  const template = fieldsAt(spec, 'jobTemplate', 'spec', 'template', 'spec');
  return [
    ...errors,
    ...oneOf(spec?.['concurrencyPolicy'], 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace']),
    ...validatePodSpec(template, 'spec.jobTemplate.spec.template.spec'),
  ];
}

/** The parts of a PodSpec that others rely on: containers with unique names and images, known policies. */
export function validatePodSpec(spec: Fields | undefined, path: string): FieldError[] {
  if (!spec) return [];
  const errors: FieldError[] = [];
  if (listAt(spec, 'containers').length === 0) errors.push(required(`${path}.containers`));
  const names = new Set<string>();
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    listAt(spec, list).forEach((container, index) => errors.push(...validateContainer(container, `${path}.${list}[${index}]`, names)));
  }
  const volumes = new Set<string>();
  listAt(spec, 'volumes').forEach((volume, index) => {
    const name = textAt(volume, 'name') ?? '';
    errors.push(...nameErrors(name, `${path}.volumes[${index}].name`, volumes));
  });
  errors.push(...oneOf(spec['restartPolicy'], `${path}.restartPolicy`, restartPolicies));
  errors.push(...oneOf(spec['dnsPolicy'], `${path}.dnsPolicy`, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']));
  errors.push(...notNegative(spec['terminationGracePeriodSeconds'], `${path}.terminationGracePeriodSeconds`));
  for (const list of ['initContainers', 'containers']) {
    listAt(spec, list).forEach((container, at) =>
      listAt(container, 'volumeMounts').forEach((mount, index) => {
        const name = textAt(mount, 'name') ?? '';
        const field = `${path}.${list}[${at}].volumeMounts[${index}].name`;
        if (!volumes.has(name)) errors.push({ reason: 'FieldValueNotFound', field, body: `Not found: ${JSON.stringify(name)}` });
      }),
    );
  }
  return errors;
}

function nameErrors(name: string, path: string, known: Set<string>): FieldError[] {
  if (name === '') return [required(path)];
  const errors = checkDnsLabel(name).map((complaint) => invalid(path, name, complaint));
  if (known.has(name)) errors.push(duplicate(path, name));
  known.add(name);
  return errors;
}

function validateContainer(container: Fields, path: string, names: Set<string>): FieldError[] {
  const errors = nameErrors(textAt(container, 'name') ?? '', `${path}.name`, names);
  if (!textAt(container, 'image')) errors.push(required(`${path}.image`));
  errors.push(...oneOf(container['imagePullPolicy'], `${path}.imagePullPolicy`, ['Always', 'IfNotPresent', 'Never']));
  listAt(container, 'ports').forEach((port, index) => {
    const number = numberAt(port, 'containerPort') ?? 0;
    if (number < 1 || number > 65535) errors.push(invalid(`${path}.ports[${index}].containerPort`, number, 'must be between 1 and 65535, inclusive'));
    errors.push(...oneOf(port['protocol'], `${path}.ports[${index}].protocol`, ['SCTP', 'TCP', 'UDP']));
  });
  return errors;
}

const podMessage =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** What of a running pod may still change. */
export function validatePodUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const fixed = (of: KubeObject) => {
    const spec = structuredClone(fieldsAt(of, 'spec') ?? {});
    for (const list of ['containers', 'initContainers']) for (const container of listAt(spec, list)) delete container['image'];
    for (const name of ['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds', 'ephemeralContainers', 'schedulingGates']) delete spec[name];
    return spec;
  };
  return isSame(fixed(object), fixed(old)) ? [] : [forbidden('spec', podMessage)];
}

const dataKey = /^[-._a-zA-Z0-9]+$/;
const dataLimitBytes = 1024 * 1024;

/** Keys and sizes of ConfigMaps and Secrets. */
export function validateData(object: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const field of ['data', 'binaryData']) {
    for (const [key, value] of Object.entries(textMapAt(object, field))) {
      if (!dataKey.test(key) || key.length > 253) {
        const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name', or 'KEY_NAME', or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        errors.push(invalid(`${field}[${key}]`, key, rule));
      }
      const isEncoded = object.kind === 'Secret' || field === 'binaryData';
      if (isEncoded && !isBase64(value)) errors.push(invalid(`${field}[${key}]`, '<redacted>', 'illegal base64 data'));
      size += isEncoded ? Math.floor((value.length * 3) / 4) : Buffer.byteLength(value);
    }
  }
  if (size > dataLimitBytes) errors.push({ reason: 'FieldValueTooLong', field: object.kind === 'Secret' ? 'data' : '', body: `Too long: may not be more than ${dataLimitBytes} bytes` });
  return errors;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

const requiredSecretKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export function validateSecret(object: KubeObject): FieldError[] {
  const data = textMapAt(object, 'data');
  const wanted = requiredSecretKeys[textAt(object, 'type') ?? ''] ?? [];
  return [...validateData(object), ...wanted.filter((key) => data[key] === undefined).map((key) => required(`data[${key}]`))];
}

/** `immutable: true` holds data and itself fast. */
export function validateDataUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors = object.kind === 'Secret' ? unchanged(object, old, 'type') : [];
  if (old['immutable'] !== true) return errors;
  if (object['immutable'] !== true) errors.push(forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const field of ['data', 'binaryData']) {
    if (!isSame(object[field], old[field])) errors.push(forbidden(field, 'field is immutable when `immutable` is set'));
  }
  return errors;
}

export function validateRole(object: KubeObject): FieldError[] {
  return listAt(object, 'rules').flatMap((rule, index) => {
    const verbs = Array.isArray(rule['verbs']) ? rule['verbs'] : [];
    return verbs.length === 0 ? [required(`rules[${index}].verbs`, 'verbs must contain at least one value')] : [];
  });
}

export function validateBinding(object: KubeObject): FieldError[] {
  const ref = fieldsAt(object, 'roleRef');
  const kinds = object.kind === 'ClusterRoleBinding' ? ['ClusterRole'] : ['Role', 'ClusterRole'];
  const errors = [...oneOf(ref?.['kind'], 'roleRef.kind', kinds)];
  if (!textAt(ref, 'name')) errors.push(required('roleRef.name'));
  listAt(object, 'subjects').forEach((subject, index) => {
    if (!textAt(subject, 'name')) errors.push(required(`subjects[${index}].name`));
    errors.push(...oneOf(subject['kind'], `subjects[${index}].kind`, ['ServiceAccount', 'User', 'Group']));
    if (object.kind === 'ClusterRoleBinding' && subject['kind'] === 'ServiceAccount' && !textAt(subject, 'namespace')) errors.push(required(`subjects[${index}].namespace`));
  });
  return errors;
}

export function validateBindingUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  return unchanged(object, old, 'roleRef', 'cannot change roleRef');
}

export function validateIngress(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const errors: FieldError[] = [];
  if (listAt(spec, 'rules').length === 0 && !fieldsAt(spec, 'defaultBackend')) errors.push(invalid('spec', spec ?? {}, 'either `defaultBackend` or `rules` must be specified'));
  listAt(spec, 'rules').forEach((rule, at) =>
    listAt(fieldsAt(rule, 'http'), 'paths').forEach((path, index) => {
      const field = `spec.rules[${at}].http.paths[${index}]`;
      errors.push(...oneOf(path['pathType'], `${field}.pathType`, ['Exact', 'ImplementationSpecific', 'Prefix']));
      const text = textAt(path, 'path');
      if (text !== undefined && !text.startsWith('/')) errors.push(invalid(`${field}.path`, text, 'must be an absolute path'));
    }),
  );
  return errors;
}

export function validateLease(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const seconds = numberAt(spec, 'leaseDurationSeconds');
  const errors = seconds !== undefined && seconds <= 0 ? [invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] : [];
  return [...errors, ...notNegative(spec?.['leaseTransitions'], 'spec.leaseTransitions')];
}

export function validateTaints(object: KubeObject): FieldError[] {
  return listAt(fieldsAt(object, 'spec'), 'taints').flatMap((taint, index) => [
    ...checkLabelKey(textAt(taint, 'key') ?? '').map((complaint) => invalid(`spec.taints[${index}].key`, taint['key'], complaint)),
    ...oneOf(taint['effect'], `spec.taints[${index}].effect`, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  ]);
}

/** Claims grow, and change nothing else once they are made. */
export function validateVolumeClaimUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const fixed = (of: KubeObject) => {
    const { resources: _resources, volumeAttributesClassName: _class, volumeName, ...rest } = fieldsAt(of, 'spec') ?? {};
    // A claim is bound once.
    return { ...rest, volumeName: textAt(fieldsAt(old, 'spec'), 'volumeName') ? volumeName : undefined };
  };
  return isSame(fixed(object), fixed(old)) ? [] : [forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')];
}
