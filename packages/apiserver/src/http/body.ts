import type { KubeObject } from '@keelson/kube';
import { isRecord } from '@keelson/kube/schema';
import { parseYaml } from '@keelson/kube/yaml';
import type { HttpRequest } from '@keelson/std';
import { BodyTooLargeError, readBody } from '@keelson/std';
import { badRequest, tooLarge, unsupportedMediaType } from './api-status.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { decodeProtobufObject, isProtobufBody, protobufType } from '../protobuf/decode.ts';

/** The most bytes of a request body. */
export const bodyLimitBytes = 3 * 1024 * 1024;
/** The deepest nesting of a request body; JSON.parse itself has no limit, but what walks the value has. */
const maxDepth = 500;

export interface DecodedBody {
  readonly value: unknown;
  /** Fields that stand twice in one object: `duplicate field "spec.x"`. */
  readonly duplicates: readonly string[];
}

/** The request's body as bytes; 413 above the limit. */
export async function bodyBytes(request: HttpRequest): Promise<Uint8Array> {
  try {
    return await readBody(request.body, bodyLimitBytes);
  } catch (error) {
    if (error instanceof BodyTooLargeError) throw tooLarge(bodyLimitBytes);
    throw error;
  }
}

/** The media type of the body, without parameters and in lower case. */
export function contentType(request: HttpRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

const jsonTypes: ReadonlySet<string> = new Set(['', 'application/json', '*/*']);
const yamlTypes: ReadonlySet<string> = new Set(['application/yaml', 'application/x-yaml', 'text/yaml']);

/** Decodes an object in JSON, YAML or, where `protobuf` allows it, Kubernetes' protobuf. */
export async function decodeBody(request: HttpRequest, options: { protobuf: boolean }): Promise<DecodedBody> {
  const bytes = await bodyBytes(request);
  const type = contentType(request);
  if (type === protobufType) {
    if (!options.protobuf || !isProtobufBody(bytes)) throw unsupportedMediaType(type, ['application/json', 'application/yaml']);
    return { value: decodeProtobufObject(bytes), duplicates: [] };
  }
  if (yamlTypes.has(type)) return decodeYaml(bytes);
  if (!jsonTypes.has(type)) throw unsupportedMediaType(type, ['application/json', 'application/yaml', protobufType]);
  return decodeJson(bytes);
}

/** Strict UTF-8: bytes that are not UTF-8 would be stored as something else than was sent. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The text of a body; 400 when it is not UTF-8. */
export function bodyText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw badRequest('the request body is not valid UTF-8');
  }
}

export function decodeJson(bytes: Uint8Array): DecodedBody {
  const text = bodyText(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding the request body: ${error instanceof Error ? error.message : String(error)}`);
  }
  checkDepth(value);
  let duplicates: readonly string[] | undefined;
  return {
    value,
    // Found when asked for: a scan of the whole text that most requests do not need.
    get duplicates() {
      return (duplicates ??= duplicateFields(text));
    },
  };
}

/** YAML, of which JSON is a part (apply patches are one of both). */
export function decodeYaml(bytes: Uint8Array): DecodedBody {
  const text = bodyText(bytes);
  if (/^\s*\{/.test(text)) {
    try {
      return decodeJson(bytes);
    } catch {
      // It begins like JSON, but may still be YAML's flow style.
    }
  }
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  checkDepth(value);
  return { value, duplicates: [] };
}

function checkDepth(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw badRequest(`the request body is nested more than ${maxDepth} levels deep`);
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item).filter((part) => typeof part === 'object' && part !== null) : []));
  }
}

/** A decoded body as an object; 400 when it is something else. */
export function asKubeObject(value: unknown): KubeObject {
  if (!isRecord(value)) throw badRequest('the object provided is unrecognized (must be of type Object)');
  const metadata = value['metadata'];
  if (metadata !== undefined && metadata !== null && !isRecord(metadata)) {
    throw badRequest('json: cannot unmarshal metadata into Go value of type v1.ObjectMeta');
  }
  checkMetadataTypes(metadata ?? {});
  // Its parts are checked field by field on the way: metadata here, the rest against the kind's schema.
  return { ...value, metadata: { ...(metadata as object | undefined) } } as KubeObject;
}

const texts = ['name', 'generateName', 'namespace', 'uid', 'resourceVersion'];

/** Metadata is typed in every kind, whatever its schema says. */
function checkMetadataTypes(metadata: Record<string, unknown>): void {
  const refuse = (field: string, type: string): never => {
    throw badRequest(`json: cannot unmarshal value into Go struct field ObjectMeta.metadata.${field} of type ${type}`);
  };
  const given = (field: string) => metadata[field] !== undefined && metadata[field] !== null;
  for (const field of texts) if (given(field) && typeof metadata[field] !== 'string') refuse(field, 'string');
  for (const field of ['labels', 'annotations']) {
    if (!given(field)) continue;
    const map = metadata[field];
    if (!isRecord(map) || Object.values(map).some((value) => typeof value !== 'string')) refuse(field, 'map[string]string');
  }
  if (given('finalizers') && !(Array.isArray(metadata['finalizers']) && metadata['finalizers'].every((item) => typeof item === 'string'))) refuse('finalizers', '[]string');
  for (const field of ['ownerReferences', 'managedFields']) {
    if (given(field) && !(Array.isArray(metadata[field]) && metadata[field].every(isRecord))) refuse(field, '[]object');
  }
  for (const field of Object.keys(metadata)) if (metadata[field] === null) delete metadata[field];
}
