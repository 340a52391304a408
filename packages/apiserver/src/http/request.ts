import type { HttpRequest } from '@keelson/std';
import type { User } from '../authn/user.ts';
import type { FieldValidation, Machine, Warnings, WriteRequest } from '../registry/request-context.ts';
import { createWarnings } from '../registry/request-context.ts';
import type { ServedVersion } from '../registry/resource.ts';
import { badRequest, invalidOptions } from './api-status.ts';
import type { RequestRecord } from './audit.ts';
import type { ResourcePath } from './path.ts';
import { invalid } from '@keelson/kube/schema';

/** A request for objects of a kind, read so far that a verb can answer it. */
export interface ApiRequest {
  readonly machine: Machine;
  readonly http: HttpRequest;
  readonly url: URL;
  readonly path: ResourcePath;
  readonly served: ServedVersion;
  readonly user: User;
  readonly warnings: Warnings;
  /** What the audit log will say of it. */
  readonly record?: RequestRecord;
}

/** An ApiRequest without warnings yet, but for that of a deprecated version. */
export function apiRequest(of: Omit<ApiRequest, 'warnings'>): ApiRequest {
  const warnings = createWarnings();
  if (of.served.version.deprecationWarning) warnings.add(of.served.version.deprecationWarning);
  return { ...of, warnings };
}

/** The longest name of a field manager. */
const managerMaxLength = 128;

/** What a create, update, patch or delete needs of the request. `optionsKind` names the options in error messages. */
export function writeRequest(request: ApiRequest, optionsKind: string): WriteRequest {
  const { searchParams } = request.url;
  return {
    served: request.served,
    namespace: request.path.namespace,
    user: request.user,
    dryRun: dryRunOf(searchParams.getAll('dryRun'), optionsKind),
    fieldManager: fieldManagerOf(request, optionsKind),
    fieldValidation: fieldValidationOf(searchParams.get('fieldValidation'), optionsKind),
    subresource: request.path.subresource,
    warnings: request.warnings,
    annotate: (key, value) => {
      if (request.record) request.record.annotations[key] = value;
    },
  };
}

/** `All` is the only value of dryRun. */
export function dryRunOf(values: readonly string[], optionsKind: string): boolean {
  const given = values.filter((value) => value !== '');
  const wrong = given.find((value) => value !== 'All');
  if (wrong !== undefined) {
    throw invalidOptions(optionsKind, [{ reason: 'FieldValueNotSupported', field: 'dryRun', body: `Unsupported value: ${JSON.stringify(given)}: supported values: "All"` }]);
  }
  return given.length > 0;
}

function fieldValidationOf(value: string | null, optionsKind: string): FieldValidation {
  switch (value) {
    case null:
    case '':
      return 'Warn';
    case 'Strict':
    case 'Warn':
    case 'Ignore':
      return value;
    default:
      throw invalidOptions(optionsKind, [
        { reason: 'FieldValueNotSupported', field: 'fieldValidation', body: `Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"` },
      ]);
  }
}

/** The given manager, or what stands before the slash in the User-Agent. */
function fieldManagerOf(request: ApiRequest, optionsKind: string): string {
  const given = request.url.searchParams.get('fieldManager');
  if (given) {
    if (given.length > managerMaxLength) throw invalidOptions(optionsKind, [{ reason: 'FieldValueTooLong', field: 'fieldManager', body: `Too long: may not be more than ${managerMaxLength} bytes` }]);
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(given)) throw invalidOptions(optionsKind, [invalid('fieldManager', given, 'should only contain printable characters')]);
    return given;
  }
  const agent = (request.http.headers['user-agent'] ?? '').split('/')[0] ?? '';
  return agent.replace(/[^\x20-\x7e]/g, '').slice(0, managerMaxLength) || 'unknown';
}

/** The path's name; verbs on one object need it. */
export function nameOf(request: ApiRequest): string {
  if (!request.path.name) throw badRequest('name is required');
  return request.path.name;
}
