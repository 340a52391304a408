/**
 * A Redfish service for one lab machine, as a request handler. Follows DMTF DSP0266 (protocol) and DSP0268 (schemas);
 * how makers deviate is in vendors.ts.
 */
import { readText, requestUrl, type HttpHandler, type HttpRequest, type HttpResponse } from '@keelson/std';
import { actionNames, actionPath, chassisPath, managersPath, memberPath, messageKeys, odataTypes, sessionServicePath, sessionsPath, systemsPath, taskMonitorsPath, tasksPath } from '@keelson/bmc/wire';
import { slowBmcMs } from '../faults/faults.ts';
import type { Machine } from '../machine/machine.ts';
import { bmcAccounts, type Accounts } from './accounts.ts';
import { ejectMedia, insertMedia, patchSystem, resetSystem, type ActionContext } from './actions.ts';
import { answer, errorAnswer, etagOf, matches, type Body } from './answers.ts';
import * as say from './resources.ts';
import { bmcTasks, type Tasks } from './tasks.ts';
import { vendors, type VendorFlavour } from './vendors.ts';

/** A resource: what it says and what may be done with it. */
interface Node {
  readonly get?: () => Body;
  readonly patch?: (body: Body) => Promise<HttpResponse>;
  readonly post?: (body: Body) => Promise<HttpResponse> | HttpResponse;
  readonly remove?: () => HttpResponse;
  /** Answers GET by itself. */
  readonly raw?: () => HttpResponse | undefined;
  readonly open?: 'get' | 'post';
  readonly needsBody?: boolean;
}

const bodyLimit = 256 * 1024;

/** The service as a handler. Journal entries name the account. */
export function redfishService(machine: Machine): HttpHandler {
  const vendor: VendorFlavour = vendors[machine.spec.vendor];
  const accounts = bmcAccounts(machine.env, machine.spec.bmc, vendor.sessionLimit);
  const tasks = bmcTasks(machine.env);
  return async (request) => {
    if (machine.hasFault('bmc-slow')) await machine.env.clock.sleep(slowBmcMs, request.signal);
    const url = requestUrl(request);
    const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, '') : url.pathname;
    const isRoot = path === '/redfish/v1' || path === '/redfish';
    if (machine.hasFault('bmc-busy') && !isRoot) return errorAnswer(503, { id: messageKeys.serviceTemporarilyUnavailable, args: ['30'] }, { 'retry-after': '30' });
    if (machine.hasFault('bmc-401')) accounts.clear();
    const user = machine.hasFault('bmc-401') ? undefined : accounts.userOf(request);
    const nodes = resourceTree({ machine, vendor, tasks, by: `${user ?? 'nobody'} by Redfish` }, accounts);
    const node = nodes.get(path);
    const isOpen = node?.open === 'get' ? isRead(request) : node?.open === 'post' && request.method === 'POST';
    if (!user && !isOpen) return unauthorised();
    if (!node) return errorAnswer(404, { id: messageKeys.resourceNotFound, args: [path] });
    return serve(request, url, node, nodes, vendor);
  };
}

const isRead = (request: HttpRequest) => request.method === 'GET' || request.method === 'HEAD';

function unauthorised(): HttpResponse {
  return errorAnswer(401, { id: messageKeys.noValidSession }, { 'www-authenticate': 'Basic realm="Redfish"' });
}

async function serve(request: HttpRequest, url: URL, node: Node, nodes: ReadonlyMap<string, Node>, vendor: VendorFlavour): Promise<HttpResponse> {
  if (isRead(request)) {
    const raw = node.raw?.();
    if (raw) return raw;
    if (!node.get) return notAllowed(request, node);
    const body = node.get();
    const etag = etagOf(body, vendor);
    if (request.headers['if-none-match'] === etag) return answer(304, undefined, { etag });
    const shown = { ...(url.searchParams.has('$expand') && vendor.expand ? expanded(body, nodes) : body), '@odata.etag': etag };
    const full = answer(200, shown, { etag, allow: allowed(node) });
    return request.method === 'HEAD' ? { ...full, body: undefined } : full;
  }
  const change = request.method === 'PATCH' ? node.patch : request.method === 'POST' ? node.post : undefined;
  if (request.method === 'DELETE' && node.remove) return node.remove();
  if (!change) return notAllowed(request, node);
  if (request.method === 'PATCH') {
    const refused = precondition(request, node, vendor);
    if (refused) return refused;
  }
  const body = await jsonBody(request);
  if (body === 'malformed' || (body === 'none' && node.needsBody)) return errorAnswer(400, { id: messageKeys.malformedJson });
  return change(body === 'none' ? {} : body);
}

function precondition(request: HttpRequest, node: Node, vendor: VendorFlavour): HttpResponse | undefined {
  const ifMatch = request.headers['if-match'];
  if (ifMatch === undefined) {
    return vendor.requiresIfMatch ? errorAnswer(428, { id: vendor.oemKey === 'Ami' ? 'Ami.1.0.PreconditionHeaderMissing' : messageKeys.preconditionRequired }) : undefined;
  }
  const etag = etagOf(node.get!(), vendor);
  return matches(ifMatch, etag, vendor) ? undefined : errorAnswer(412, { id: messageKeys.preconditionFailed }, { etag });
}

function allowed(node: Node): string {
  return [node.get || node.raw ? 'GET, HEAD' : '', node.patch ? 'PATCH' : '', node.post ? 'POST' : '', node.remove ? 'DELETE' : ''].filter((name) => name !== '').join(', ');
}

function notAllowed(request: HttpRequest, node: Node): HttpResponse {
  return errorAnswer(405, { id: 'OperationNotAllowed', args: [request.method] }, { allow: allowed(node) });
}

function expanded(body: Body, nodes: ReadonlyMap<string, Node>): Body {
  const members = body['Members'];
  if (!Array.isArray(members)) return body;
  const full = members.map((member: { '@odata.id': string }) => nodes.get(member['@odata.id'])?.get?.() ?? member);
  return { ...body, Members: full };
}

async function jsonBody(request: HttpRequest): Promise<Body | 'none' | 'malformed'> {
  const text = await readText(request.body, bodyLimit);
  if (text.trim() === '') return 'none';
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : 'malformed'; // an object with unknown values
  } catch {
    return 'malformed';
  }
}

/** Every resource of the service by its path, without a slash at the end. */
function resourceTree(context: ActionContext, accounts: Accounts): ReadonlyMap<string, Node> {
  const { machine, vendor, tasks } = context;
  const at = say.pathsOf(vendor);
  const nodes = new Map<string, Node>();
  const collection = (path: string, type: string, name: string, members: readonly string[]) =>
    nodes.set(path, { get: () => say.collection(path, type, name, members) });

  nodes.set('/redfish', { open: 'get', get: () => ({ v1: '/redfish/v1/' }) });
  nodes.set('/redfish/v1', { open: 'get', get: () => say.serviceRoot(machine, vendor) });
  collection(systemsPath, odataTypes.systemCollection, 'Systems', [at.system]);
  nodes.set(at.system, { get: () => say.system(machine, vendor), patch: (body) => patchSystem(context, body) });
  nodes.set(actionPath(at.system, actionNames.resetSystem), { post: (body) => resetSystem(context, body) });
  collection(`${at.system}/EthernetInterfaces`, odataTypes.ethernetInterfaceCollection, 'Ethernet Interfaces', machine.spec.nics.map((nic) => `${at.system}/EthernetInterfaces/${nic.name}`));
  machine.spec.nics.forEach((nic, i) => nodes.set(`${at.system}/EthernetInterfaces/${nic.name}`, { get: () => say.ethernetInterface(machine, vendor, nic, i === 0) }));
  const sockets = Array.from({ length: machine.spec.cpu.sockets }, (_none, i) => i);
  collection(`${at.system}/Processors`, odataTypes.processorCollection, 'Processors', sockets.map((i) => `${at.system}/Processors/CPU.${i + 1}`));
  for (const i of sockets) nodes.set(`${at.system}/Processors/CPU.${i + 1}`, { get: () => say.processor(machine, vendor, i) });
  addStorage(nodes, context);
  collection(managersPath, odataTypes.managerCollection, 'Managers', [at.manager]);
  nodes.set(at.manager, { get: () => say.manager(vendor, machine.env.clock.now()) });
  nodes.set(actionPath(at.manager, actionNames.resetManager), {
    post: () => {
      accounts.clear();
      return answer(204);
    },
  });
  collection(chassisPath, odataTypes.chassisCollection, 'Chassis', [at.chassis]);
  nodes.set(at.chassis, { get: () => say.chassis(machine, vendor) });
  addMedia(nodes, context);
  addSessions(nodes, context, accounts);
  addTasks(nodes, tasks);
  return nodes;
}

function addStorage(nodes: Map<string, Node>, { machine, vendor }: ActionContext): void {
  const path = `${say.pathsOf(vendor).system}/${vendor.storage}`;
  const isSimple = vendor.storage === 'SimpleStorage';
  nodes.set(path, { get: () => say.collection(path, isSimple ? odataTypes.simpleStorageCollection : odataTypes.storageCollection, 'Storage', [`${path}/1`]) });
  nodes.set(`${path}/1`, { get: () => (isSimple ? say.simpleStorage(machine, vendor) : say.storage(machine, vendor)) });
  if (!isSimple) for (const disk of machine.spec.disks) nodes.set(`${path}/1/Drives/${disk.name}`, { get: () => say.drive(vendor, disk) });
}

function addMedia(nodes: Map<string, Node>, context: ActionContext): void {
  const { machine, vendor } = context;
  const { media } = say.pathsOf(vendor);
  nodes.set(media, { get: () => say.collection(media, odataTypes.virtualMediaCollection, 'Virtual Media', vendor.virtualMedia.slots.map((slot) => `${media}/${slot.id}`)) });
  for (const slot of vendor.virtualMedia.slots) {
    const path = `${media}/${slot.id}`;
    nodes.set(path, { get: () => say.virtualMedium(machine, vendor, slot) });
    if (!slot.insert) continue;
    nodes.set(actionPath(path, actionNames.insertMedia), { needsBody: true, post: (body) => insertMedia(context, slot.id, body) });
    nodes.set(actionPath(path, actionNames.ejectMedia), { needsBody: vendor.virtualMedia.ejectNeedsBody, post: () => ejectMedia(context, slot.id) });
  }
}

function addSessions(nodes: Map<string, Node>, { machine, vendor }: ActionContext, accounts: Accounts): void {
  const body = (id: string, username: string): Body => ({ '@odata.id': memberPath(sessionsPath, id), '@odata.type': odataTypes.session, Id: id, Name: `Session ${id}`, UserName: username });
  nodes.set(sessionServicePath, {
    get: () => ({ '@odata.id': sessionServicePath, '@odata.type': odataTypes.sessionService, Id: 'SessionService', Name: 'Session Service', ServiceEnabled: true, SessionTimeout: 1800, Sessions: { '@odata.id': sessionsPath } }),
  });
  nodes.set(sessionsPath, {
    open: 'post', needsBody: true,
    get: () => say.collection(sessionsPath, odataTypes.sessionCollection, 'Sessions', accounts.sessions().map((session) => memberPath(sessionsPath, session.id))),
    post: (asked) => {
      const { UserName, Password } = asked;
      for (const [name, value] of Object.entries({ UserName, Password })) {
        if (typeof value !== 'string') return errorAnswer(400, { id: messageKeys.propertyMissing, args: [name] });
      }
      if (machine.hasFault('bmc-401')) return unauthorised();
      const session = machine.hasFault('bmc-session-limit') ? 'full' : accounts.open(String(UserName), String(Password));
      if (session === 'refused') return unauthorised();
      if (session === 'full') return errorAnswer(503, { id: vendor.oemKey === 'Dell' ? 'IDRAC.2.8.RAC0218' : messageKeys.sessionLimitExceeded });
      return answer(201, body(session.id, session.username), { 'x-auth-token': session.token, location: memberPath(sessionsPath, session.id) });
    },
  });
  for (const session of accounts.sessions()) {
    nodes.set(memberPath(sessionsPath, session.id), {
      get: () => body(session.id, session.username),
      remove: () => answer(accounts.close(session.id) ? 204 : 404),
    });
  }
}

function addTasks(nodes: Map<string, Node>, tasks: Tasks): void {
  nodes.set('/redfish/v1/TaskService', {
    get: () => ({ '@odata.id': '/redfish/v1/TaskService', '@odata.type': '#TaskService.v1_2_1.TaskService', Id: 'TaskService', Name: 'Task Service', ServiceEnabled: true, Tasks: { '@odata.id': tasksPath } }),
  });
  nodes.set(tasksPath, { get: () => say.collection(tasksPath, odataTypes.taskCollection, 'Tasks', tasks.ids().map((id) => memberPath(tasksPath, id))) });
  for (const id of tasks.ids()) {
    nodes.set(memberPath(tasksPath, id), { get: () => tasks.body(id)! });
    nodes.set(memberPath(taskMonitorsPath, id), { raw: () => tasks.monitor(id) });
  }
}
