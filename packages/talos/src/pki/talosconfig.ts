/** The client configuration file of the Talos API (`talosconfig`): generate, read, write, merge, select. */
import { ProblemError, problem, type Random, type TlsClientOptions } from '@keelson/std';
import { parseCertificate } from '@keelson/std/x509';
import { parse, stringify } from 'yaml';
import { talosProblems } from '../problems.ts';
import { issueTalosClient, type TalosRole } from './certificate.ts';
import { synchronousKeys, type KeySource } from './key-source.ts';
import { fromBase64, toBase64, toNodeKey, toTalosKey } from './pem.ts';
import { authorityOf, type SecretsBundle } from './secrets-bundle.ts';

export interface TalosconfigContext {
  readonly endpoints: readonly string[];
  readonly nodes?: readonly string[];
  /** Base64 of PEM, like crt and key. */
  readonly ca?: string;
  readonly crt?: string;
  readonly key?: string;
  readonly cluster?: string;
  readonly 'proxy-url'?: string;
  readonly auth?: unknown;
}

export interface Talosconfig {
  readonly context: string;
  readonly contexts: Readonly<Record<string, TalosconfigContext>>;
}

export interface GenerateTalosconfigOptions {
  readonly clusterName: string;
  readonly bundle: SecretsBundle;
  readonly endpoints: readonly string[];
  readonly nodes?: readonly string[];
  readonly nowMs: number;
  readonly random: Random;
  readonly keys?: KeySource;
  readonly roles?: readonly TalosRole[];
  /** One year when absent. */
  readonly lifetimeMs?: number;
}

/** A talosconfig with one context named after the cluster and a new client key; os:admin unless told otherwise. */
export async function generateTalosconfig(options: GenerateTalosconfigOptions): Promise<Talosconfig> {
  const key = await (options.keys ?? synchronousKeys).generate('ed25519');
  const crt = issueTalosClient({
    authority: authorityOf(options.bundle, 'os'),
    roles: options.roles ?? ['os:admin'],
    key,
    nowMs: options.nowMs,
    random: options.random,
    ...(options.lifetimeMs === undefined ? {} : { lifetimeMs: options.lifetimeMs }),
  });
  return {
    context: options.clusterName,
    contexts: {
      [options.clusterName]: {
        endpoints: options.endpoints,
        ...(options.nodes && options.nodes.length > 0 ? { nodes: options.nodes } : {}),
        ca: options.bundle.certs.os.crt,
        crt: toBase64(crt),
        key: toBase64(toTalosKey(key.privateKeyPem)),
      },
    },
  };
}

/** Reads a talosconfig. Throws ProblemError (TALOS.BAD_SECRETS) naming `where` when it is not one. */
export function parseTalosconfig(text: string, where = 'talosconfig'): Talosconfig {
  const fail = (why: string) => new ProblemError(problem(talosProblems.badTalosconfig, {}, { why, where }));
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw fail('it is not YAML');
  }
  if (!isRecord(value) || !isRecord(value['contexts'])) throw fail('it has no contexts');
  const contexts: Record<string, TalosconfigContext> = {};
  for (const [name, context] of Object.entries(value['contexts'])) {
    if (!isRecord(context)) throw fail(`context ${name} is not a mapping`);
    contexts[name] = readContext(name, context, fail);
  }
  return { context: typeof value['context'] === 'string' ? value['context'] : '', contexts };
}

function readContext(name: string, context: Record<string, unknown>, fail: (why: string) => ProblemError): TalosconfigContext {
  const list = (key: string): readonly string[] => {
    const items = context[key] ?? [];
    if (!Array.isArray(items) || !items.every((item) => typeof item === 'string')) throw fail(`${key} of context ${name} is not a list of addresses`);
    return items;
  };
  for (const key of ['ca', 'crt', 'key', 'cluster', 'proxy-url']) {
    if (context[key] !== undefined && typeof context[key] !== 'string') throw fail(`${key} of context ${name} is not text`);
  }
  const nodes = list('nodes');
  return { ...context, endpoints: list('endpoints'), ...(nodes.length > 0 ? { nodes } : {}) };
}

/** A talosconfig's text. Holds a private key: files get mode 0600. */
export function serializeTalosconfig(config: Talosconfig): string {
  return stringify(config, { indent: 4, lineWidth: 0 });
}

/** Adds the contexts of `from`; a name that is taken by another context becomes `name-1`, `name-2`, … The current context becomes that of `from`. */
export function mergeTalosconfig(into: Talosconfig, from: Talosconfig): Talosconfig {
  const contexts: Record<string, TalosconfigContext> = { ...into.contexts };
  let current = into.context;
  for (const [name, context] of Object.entries(from.contexts)) {
    let free = name;
    for (let n = 1; Object.hasOwn(contexts, free); n++) free = `${name}-${n}`;
    contexts[free] = context;
    if (from.context === name) current = free;
  }
  return { context: current, contexts };
}

/** A context by name, the current one when absent. Throws ProblemError when there is none. */
export function selectContext(config: Talosconfig, name = config.context): TalosconfigContext {
  const context = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined;
  if (context) return context;
  const known = Object.keys(config.contexts).join(', ') || 'none';
  throw new ProblemError(problem(talosProblems.badTalosconfig, {}, { why: `it has no context ${name === '' ? '(none is selected)' : name}; it has ${known}`, where: 'talosconfig' }));
}

/** TLS options for a connection with a context: its CA, certificate and key as Node reads them. */
export function tlsOfContext(context: TalosconfigContext): TlsClientOptions {
  try {
    return {
      ...(context.ca ? { ca: fromBase64(context.ca) } : {}),
      ...(context.crt ? { cert: fromBase64(context.crt) } : {}),
      ...(context.key ? { key: toNodeKey(fromBase64(context.key)) } : {}),
    };
  } catch (cause) {
    throw new ProblemError(problem(talosProblems.badTalosconfig, {}, { why: 'ca, crt and key must be base64 of PEM', where: 'talosconfig' }), { cause });
  }
}

/** When the context's client certificate ends, in ms since the epoch; undefined when it has none. */
export function clientExpiryMs(context: TalosconfigContext): number | undefined {
  return context.crt ? parseCertificate(fromBase64(context.crt)).notAfterMs : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
