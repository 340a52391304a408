/**
 * apid and machined of a lab node as one gRPC handler: authorisation, routing by `node` and `nodes`, and the methods
 * (facts: machine API, connection and proxying).
 */
import { GrpcError, grpcStatus, type Bytes, type GrpcCall, type GrpcServerOptions } from '@keelson/std';
import { decode, encode, talosMethods, WireError, type Encodable, type TalosMessages, type TalosMessageName, type TalosMethod } from '@keelson/talos/wire';
import type { TalosNode } from '../node.ts';
import { applyRoutes } from './apply.ts';
import { cosiRoutes } from './cosi.ts';
import { etcdRoutes } from './etcd-api.ts';
import { kubeconfigRoutes } from './kubeconfig.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { logRoutes } from './logs.ts';
import { observeRoutes } from './observe.ts';
import { callerName, isClientCertificate, maintenanceRoles, rolesOf } from './roles.ts';
import { fail, type ApiCall, type Route } from './route.ts';

const routes: ReadonlyMap<string, Route> = new Map(
  [...observeRoutes, ...applyRoutes, ...lifecycleRoutes, ...etcdRoutes, ...kubeconfigRoutes, ...logRoutes, ...cosiRoutes].map((route) => [route.method.path, route]),
);

/** Every method apid has, implemented or not; trustd is another port. */
const methods: readonly TalosMethod[] = Object.entries(talosMethods)
  .filter(([service]) => service !== 'securityapi.SecurityService')
  .flatMap(([, table]) => Object.values(table) as readonly TalosMethod[]); // each table holds methods

/** Methods of the node that the lab serves; the others answer Unimplemented. */
export const servedPaths: readonly string[] = [...routes.keys()];

const fanOutServices = new Set(['machine.MachineService', 'cluster.ClusterService', 'inspect.InspectService', 'storage.StorageService', 'time.TimeService']);

export function talosServer(node: TalosNode): GrpcServerOptions {
  return { methods, handler: (call) => answer(node, call) };
}

async function* answer(node: TalosNode, call: GrpcCall): AsyncGenerator<Bytes> {
  const caller = authenticate(node, call);
  const request = await firstMessage(call);
  const { node: single, nodes: many } = call.metadata;
  if (caller.maintenance || (single === undefined && many === undefined)) {
    yield* invoke(call.path, request, caller);
    return;
  }
  if (single !== undefined) {
    yield* invoke(call.path, request, { ...caller, node: targetOf(node, single) });
    return;
  }
  yield* fanOut(call.path, request, caller, (many ?? '').split(',').map((name) => name.trim()));
}

function authenticate(node: TalosNode, call: GrpcCall): ApiCall {
  const pem = call.peer?.certificate;
  const maintenance = node.config === undefined;
  if (!maintenance && (pem === undefined || !isClientCertificate(pem))) throw fail.denied('not authorized');
  const roles = maintenance ? maintenanceRoles : rolesOf(pem!);
  if (roles.size === 0) throw fail.denied('not authorized');
  return { node, roles, maintenance, by: callerName(maintenance ? undefined : pem, call.peer?.address ?? '?'), signal: call.signal };
}

async function firstMessage(call: GrpcCall): Promise<Bytes> {
  for await (const message of call.messages) return message;
  return new Uint8Array();
}

/** The node a request is meant for. A worker forwards nothing; a control plane reaches the machines of its own CA. */
function targetOf(node: TalosNode, name: string): TalosNode {
  if (isSelf(node, name)) return node;
  if (!node.isControlPlane) throw fail.denied('no request forwarding');
  const target = node.world.nodes.find((one) => isSelf(one, name));
  if (!target?.config || target.config.ca.cert !== node.config?.ca.cert || !target.api.isOpen) {
    throw fail.unavailable(`error dialing ${name}:50000: connection refused`);
  }
  return target;
}

function isSelf(node: TalosNode, name: string): boolean {
  return name === node.machine.nodeAddress || name === node.hostname;
}

async function* invoke(path: string, request: Bytes, call: ApiCall): AsyncGenerator<Bytes> {
  const route = routes.get(path);
  if (!route) throw fail.unimplemented(`${path} is not part of the lab's Talos`);
  if (![...call.roles].some((role) => route.roles.includes(role))) throw fail.denied('not authorized');
  for await (const message of route.run(decodeRequest(route.method, request), call)) yield encodeMessage(route.method.response, message);
}

function decodeRequest(method: TalosMethod, request: Bytes): unknown {
  try {
    return decode(method.request, request);
  } catch (error) {
    if (error instanceof WireError) throw fail.invalid(error.message);
    throw error;
  }
}

function encodeMessage(name: TalosMessageName, message: unknown): Bytes {
  return encode(name, message as Encodable<TalosMessages[TalosMessageName]>); // the route's type fits its method's response
}

interface Fanned {
  messages?: readonly { metadata?: unknown }[];
}

/** `nodes`: one answer with a message per node, each marked with the name that was asked for; failures are messages too. */
async function* fanOut(path: string, request: Bytes, call: ApiCall, names: readonly string[]): AsyncGenerator<Bytes> {
  const route = routes.get(path);
  const service = path.slice(1, path.lastIndexOf('/'));
  if (!fanOutServices.has(service)) throw fail.invalid(`one-2-many proxying is not supported for ${service}`);
  if (!route) throw fail.unimplemented(`${path} is not part of the lab's Talos`);
  const all: { metadata?: unknown }[] = [];
  for (const name of names) {
    try {
      const target = targetOf(call.node, name);
      for await (const bytes of invoke(path, request, { ...call, node: target })) {
        const message = decode(route.method.response, bytes) as Fanned & { metadata?: unknown }; // replies of these services have messages, or are streams with metadata
        if (route.method.responseStream) yield encodeMessage(route.method.response, { ...message, metadata: { hostname: name } });
        else all.push(...(message.messages ?? []).map((one) => ({ ...one, metadata: { hostname: name } })));
      }
    } catch (error) {
      const status = error instanceof GrpcError ? error : new GrpcError(grpcStatus.internal, String(error));
      const metadata = { hostname: name, error: status.message, status: { code: status.code, message: status.message, details: [] } };
      if (route.method.responseStream) yield encodeMessage(route.method.response, { metadata });
      else all.push({ metadata });
    }
  }
  if (!route.method.responseStream) yield encodeMessage(route.method.response, { messages: all });
}
