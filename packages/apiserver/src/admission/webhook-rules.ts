// What a webhook configuration must say: kubernetes/pkg/apis/admissionregistration/validation.
import type { KubeObject } from '@keelson/kube';
import { checkDnsSubdomain } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { duplicate, forbidden, invalid, notSupported, required } from '@keelson/kube/schema';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, listAt, numberAt, textAt, textsAt } from '../kinds/fields.ts';

const operations = ['CONNECT', 'CREATE', 'DELETE', 'UPDATE', '*'];
const scopes = ['*', 'Cluster', 'Namespaced'];
const maxTimeoutSeconds = 30;

/** Complaints about a MutatingWebhookConfiguration or ValidatingWebhookConfiguration. */
export function validateWebhooks(object: KubeObject): FieldError[] {
  const names = new Set<string>();
  return listAt(object, 'webhooks').flatMap((webhook, index) => {
    const at = `webhooks[${index}]`;
    const name = textAt(webhook, 'name') ?? '';
    const errors = [...validateName(name, `${at}.name`), ...validateWebhook(webhook, at)];
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return errors;
  });
}

function validateName(name: string, at: string): FieldError[] {
  if (name === '') return [required(at)];
  const complaints = checkDnsSubdomain(name).map((complaint) => invalid(at, name, complaint));
  return name.split('.').length >= 3 ? complaints : [...complaints, invalid(at, name, 'should be a domain with at least three segments separated by dots')];
}

function validateWebhook(webhook: Fields, at: string): FieldError[] {
  const errors = [...validateClient(fieldsAt(webhook, 'clientConfig'), `${at}.clientConfig`), ...listAt(webhook, 'rules').flatMap((rule, index) => validateRule(rule, `${at}.rules[${index}]`))];
  const versions = textsAt(webhook, 'admissionReviewVersions');
  if (versions.length === 0) errors.push(required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1'));
  else if (!versions.includes('v1')) errors.push(invalid(`${at}.admissionReviewVersions`, versions, 'must include v1, the only version this server sends'));
  const sideEffects = textAt(webhook, 'sideEffects');
  if (sideEffects === undefined) errors.push(required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
  else if (sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') errors.push(notSupported(`${at}.sideEffects`, sideEffects, ['None', 'NoneOnDryRun']));
  const seconds = numberAt(webhook, 'timeoutSeconds');
  if (seconds !== undefined && (seconds < 1 || seconds > maxTimeoutSeconds)) errors.push(invalid(`${at}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'));
  for (const [field, values] of [['failurePolicy', ['Fail', 'Ignore']], ['matchPolicy', ['Equivalent', 'Exact']], ['reinvocationPolicy', ['IfNeeded', 'Never']]] as const) {
    const value = textAt(webhook, field);
    if (value !== undefined && !values.some((one) => one === value)) errors.push(notSupported(`${at}.${field}`, value, values));
  }
  // Left out they would be asked about more than their owner wants.
  if (listAt(webhook, 'matchConditions').length > 0) errors.push(forbidden(`${at}.matchConditions`, 'this server does not evaluate the conditions of webhooks; select by rules, namespaceSelector and objectSelector'));
  return errors;
}

function validateClient(config: Fields | undefined, at: string): FieldError[] {
  const url = textAt(config, 'url');
  const service = fieldsAt(config, 'service');
  if ((url === undefined) === (service === undefined)) return [required(at, 'exactly one of url or service is required')];
  if (url !== undefined) return validateUrl(url, `${at}.url`);
  const errors = (['name', 'namespace'] as const).filter((field) => !textAt(service, field)).map((field) => required(`${at}.service.${field}`, `service ${field} is required`));
  const port = numberAt(service, 'port') ?? 443;
  return port >= 1 && port <= 65_535 ? errors : [...errors, invalid(`${at}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive')];
}

function validateUrl(text: string, at: string): FieldError[] {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return [required(at, 'url must be a valid URL: https://host[:port]/path')];
  }
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:') errors.push(invalid(at, text, "'https' is the only allowed URL scheme; desired format: https://host[/path]"));
  if (url.username !== '' || url.password !== '') errors.push(invalid(at, url.host, 'user information is not permitted in the URL'));
  if (url.hash !== '') errors.push(invalid(at, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search !== '') errors.push(invalid(at, url.search.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}

function validateRule(rule: Fields, at: string): FieldError[] {
  const errors = ['operations', 'apiGroups', 'apiVersions', 'resources'].filter((field) => textsAt(rule, field).length === 0).map((field) => required(`${at}.${field}`));
  textsAt(rule, 'operations').forEach((operation, index) => {
    if (!operations.includes(operation)) errors.push(notSupported(`${at}.operations[${index}]`, operation, operations));
  });
  const scope = textAt(rule, 'scope');
  if (scope !== undefined && !scopes.includes(scope)) errors.push(notSupported(`${at}.scope`, scope, scopes));
  return errors;
}
