/**
 * A test double: a Redfish service as an HttpHandler, written from the wire tables, whose behaviour a test switches by
 * options and breaks by hooks. It is no BMC: it knows nothing of time but what the given clock says.
 */
import { jsonResponse, readText, requestUrl, type Clock, type HttpHandler, type HttpRequest, type HttpResponse } from '@keelson/std';
import { actionNames, baseMessageId, headerNames, messageKeys, type ErrorBody } from '../wire/index.ts';

export interface ScriptedOptions {
  readonly clock: Clock;
  readonly username?: string;
  readonly password?: string;
  /** Sessions beside Basic; true when absent. */
  readonly sessions?: boolean;
  /** Milliseconds between a reset and the state it leads to. */
  readonly powerDelayMs?: number;
  readonly resetTypes?: readonly string[];
  readonly bootTargets?: readonly string[];
  readonly vendor?: string;
  readonly model?: string;
  readonly uuid?: string;
  readonly serialNumber?: string;
  /** Media below the system, below the manager, or none. */
  readonly media?: 'system' | 'manager' | 'none';
  /** Changes are answered with 202 and a task that ends after so long. */
  readonly taskMs?: number;
  /** PATCH without a matching If-Match is refused. */
  readonly requireIfMatch?: boolean;
  readonly systems?: readonly string[];
  readonly ip?: string;
  /** Answers in place of the service; undefined lets it pass. */
  intercept?(request: HttpRequest, body: Readonly<Record<string, unknown>>): HttpResponse | undefined | Promise<HttpResponse | undefined>;
}

export interface ScriptedRedfish {
  readonly handler: HttpHandler;
  /** `METHOD path` of every request, in order, with the body's JSON behind it. */
  readonly log: string[];
  readonly state: {
    power: 'On' | 'Off';
    boot: Record<string, unknown>;
    media: { Image: string | null; Inserted: boolean };
    password: string;
    uuid: string;
    ip: string | undefined;
  };
  /** Open sessions by token. */
  readonly sessions: Map<string, string>;
  /** Called when the machine comes up; its boot source is told. */
  onPower?: (to: 'On' | 'Off', bootedFrom: string) => void;
}

/** Makes the double. */
export function scriptedRedfish(options: ScriptedOptions): ScriptedRedfish {
  const { clock } = options;
  const systems = options.systems ?? ['1'];
  const mediaPlace = options.media ?? 'system';
  const mediaRoot = mediaPlace === 'manager' ? '/redfish/v1/Managers/bmc/VirtualMedia' : `/redfish/v1/Systems/${systems[0]}/VirtualMedia`;
  const service: ScriptedRedfish = {
    log: [],
    sessions: new Map(),
    state: {
      power: 'Off',
      boot: { BootSourceOverrideTarget: 'None', BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideMode: 'UEFI' },
      media: { Image: null, Inserted: false },
      password: options.password ?? 'calvin',
      uuid: options.uuid ?? '3b5a7c1e-0000-4000-8000-00000000a001',
      ip: options.ip,
    },
    handler: async (request) => {
      const url = requestUrl(request);
      const text = await readText(request.body);
      service.log.push(`${request.method} ${url.pathname}${text === '' ? '' : ` ${text.replace(/"Password":"[^"]*"/, '"Password":"…"')}`}`);
      const body = text === '' ? {} : JSON.parse(text);
      const early = await options.intercept?.(request, body);
      if (early) return early;
      return answer(request, url.pathname.replace(/\/$/, ''), body);
    },
  };
  let etag = 1;
  let sessionCount = 0;
  let taskCount = 0;
  const tasks = new Map<string, number>();

  const fail = (status: number, key: string, message: string) => jsonResponse(status, errorBody(key, message));
  const authorised = (request: HttpRequest) => {
    const token = request.headers[headerNames.authToken];
    if (token !== undefined) return service.sessions.has(token);
    return request.headers[headerNames.authorization] === `Basic ${Buffer.from(`${options.username ?? 'root'}:${service.state.password}`).toString('base64')}`;
  };
  const done = (): HttpResponse => {
    if (options.taskMs === undefined) return { status: 204, headers: {} };
    const path = `/redfish/v1/TaskService/TaskMonitors/${++taskCount}`;
    tasks.set(path, clock.now() + options.taskMs);
    return { status: 202, headers: { [headerNames.location]: path } };
  };
  const setPower = (to: 'On' | 'Off') => {
    const apply = () => {
      if (service.state.power === to) return;
      service.state.power = to;
      const boot = service.state.boot;
      const overridden = to === 'On' && boot['BootSourceOverrideEnabled'] !== 'Disabled';
      const from = overridden ? String(boot['BootSourceOverrideTarget']) : 'None';
      if (to === 'On' && boot['BootSourceOverrideEnabled'] === 'Once') service.state.boot = { ...boot, BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' };
      service.onPower?.(to, from);
    };
    if (options.powerDelayMs) clock.after(options.powerDelayMs, apply);
    else apply();
  };

  async function answer(request: HttpRequest, path: string, body: Readonly<Record<string, unknown>>): Promise<HttpResponse> {
    const method = request.method;
    if (path === '/redfish/v1') return jsonResponse(200, rootOf(options));
    if (path === '/redfish/v1/SessionService/Sessions' && method === 'POST' && options.sessions !== false) return login(body);
    if (!authorised(request)) return fail(401, messageKeys.noValidSession, 'There is no valid session established with the implementation.');
    if (method === 'DELETE' && path.startsWith('/redfish/v1/SessionService/Sessions/')) {
      for (const [token, session] of service.sessions) if (session === path) service.sessions.delete(token);
      return { status: 204, headers: {} };
    }
    const monitor = tasks.get(path);
    if (monitor !== undefined) return clock.now() < monitor ? { status: 202, headers: { [headerNames.location]: path } } : { status: 204, headers: {} };
    if (path.startsWith(mediaRoot) && mediaPlace !== 'none') return media(method, path.slice(mediaRoot.length), body);
    if (path === '/redfish/v1/Systems') return jsonResponse(200, { Members: systems.map((id) => ({ '@odata.id': `/redfish/v1/Systems/${id}` })) });
    const system = /^\/redfish\/v1\/Systems\/([^/]+)(\/.*)?$/.exec(path);
    if (system && systems.includes(system[1]!)) return systemAnswer(request, system[1]!, system[2] ?? '', body);
    if (path === '/redfish/v1/Managers/bmc') {
      return jsonResponse(200, { Id: 'bmc', Model: 'Test BMC', FirmwareVersion: '1.0', ...(mediaPlace === 'manager' ? { VirtualMedia: { '@odata.id': mediaRoot } } : {}) });
    }
    return fail(404, messageKeys.resourceNotFound, `The resource at the URI ${path} was not found.`);
  }

  function login(body: Readonly<Record<string, unknown>>): HttpResponse {
    if (body['UserName'] !== (options.username ?? 'root') || body['Password'] !== service.state.password) return fail(401, messageKeys.noValidSession, 'Authentication failed.');
    const token = `token-${++sessionCount}`;
    const path = `/redfish/v1/SessionService/Sessions/${sessionCount}`;
    service.sessions.set(token, path);
    return jsonResponse(201, { '@odata.id': path }, { [headerNames.authToken]: token, [headerNames.location]: path });
  }

  function media(method: string, rest: string, body: Readonly<Record<string, unknown>>): HttpResponse {
    if (rest === '') return jsonResponse(200, { Members: [{ '@odata.id': `${mediaRoot}/Floppy` }, { '@odata.id': `${mediaRoot}/Cd` }] });
    if (rest === '/Floppy') return jsonResponse(200, { Id: 'Floppy', MediaTypes: ['Floppy'], Inserted: false, Image: null });
    if (rest === '/Cd' && method === 'GET') {
      const actions = { [actionNames.insertMedia]: { target: `${mediaRoot}/Cd/Actions/VirtualMedia.InsertMedia` }, [actionNames.ejectMedia]: { target: `${mediaRoot}/Cd/Actions/VirtualMedia.EjectMedia` } };
      return jsonResponse(200, { Id: 'Cd', MediaTypes: ['CD', 'DVD'], ...service.state.media, ConnectedVia: service.state.media.Inserted ? 'URI' : 'NotConnected', Actions: actions });
    }
    if (rest === '/Cd/Actions/VirtualMedia.InsertMedia' && method === 'POST') {
      if (service.state.media.Inserted) return fail(409, messageKeys.resourceInUse, 'A medium is inserted already.');
      service.state.media = { Image: String(body['Image']), Inserted: true };
      return done();
    }
    if (rest === '/Cd/Actions/VirtualMedia.EjectMedia' && method === 'POST') {
      service.state.media = { Image: null, Inserted: false };
      return done();
    }
    return fail(404, messageKeys.resourceNotFound, 'no such resource');
  }

  function systemAnswer(request: HttpRequest, id: string, rest: string, body: Readonly<Record<string, unknown>>): HttpResponse {
    const base = `/redfish/v1/Systems/${id}`;
    const member = (name: string, value: object) => jsonResponse(200, { '@odata.id': `${base}/${name}`, ...value });
    if (rest === '' && request.method === 'GET') return jsonResponse(200, systemOf(options, service, base, mediaPlace, mediaRoot), { [headerNames.etag]: `W/"${etag}"` });
    if (rest === '' && request.method === 'PATCH') {
      const ifMatch = request.headers[headerNames.ifMatch];
      if (options.requireIfMatch && ifMatch === undefined) return fail(428, messageKeys.preconditionRequired, 'If-Match is required.');
      if (options.requireIfMatch && ifMatch !== `"${etag}"` && ifMatch !== '*') return fail(412, messageKeys.preconditionFailed, 'The ETag does not match.');
      service.state.boot = { ...service.state.boot, ...(body['Boot'] as object) }; // tests send objects
      etag++;
      return done();
    }
    if (rest === '/Actions/ComputerSystem.Reset' && request.method === 'POST') {
      const type = String(body['ResetType']);
      if (!(options.resetTypes ?? defaultResets).includes(type)) return fail(400, messageKeys.actionParameterValueNotInList, `The value '${type}' for ResetType is not in the list.`);
      if (type.includes('Restart')) {
        setPower('Off');
        setPower('On');
      } else setPower(type === 'On' || type === 'ForceOn' ? 'On' : 'Off');
      return done();
    }
    if (rest === '/EthernetInterfaces') return member('EthernetInterfaces', { Members: [{ '@odata.id': `${base}/EthernetInterfaces/1` }, { '@odata.id': `${base}/EthernetInterfaces/2` }] });
    if (rest === '/EthernetInterfaces/1') return member('EthernetInterfaces/1', { Id: '1', MACAddress: '52:54:00:AA:00:01', SpeedMbps: 10_000, LinkStatus: 'LinkUp', IPv4Addresses: service.state.ip ? [{ Address: service.state.ip }] : [] });
    if (rest === '/EthernetInterfaces/2') return member('EthernetInterfaces/2', { Id: '2', MACAddress: '' });
    if (rest === '/Processors') return member('Processors', { Members: [{ '@odata.id': `${base}/Processors/CPU1` }] });
    if (rest === '/Processors/CPU1') return member('Processors/CPU1', { Id: 'CPU1', ProcessorType: 'CPU', InstructionSet: 'x86-64', Model: 'Test CPU', MaxSpeedMHz: 3000, TotalCores: 8, TotalThreads: 16 });
    if (rest === '/Storage') return member('Storage', { Members: [{ '@odata.id': `${base}/Storage/1` }] });
    if (rest === '/Storage/1') return member('Storage/1', { Id: '1', Drives: [{ '@odata.id': `${base}/Storage/1/Drives/0` }] });
    if (rest === '/Storage/1/Drives/0') {
      return member('Storage/1/Drives/0', { Id: '0', Name: 'Disk 0', CapacityBytes: 480_000_000_000, MediaType: 'SSD', Protocol: 'NVMe', Manufacturer: 'ACME', Model: 'N1', SerialNumber: 'D-1', Identifiers: [{ DurableName: 'eui.0025385b71b0a7c1', DurableNameFormat: 'EUI' }] });
    }
    return fail(404, messageKeys.resourceNotFound, 'no such resource');
  }

  return service;
}

const defaultResets = ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'GracefulRestart'];

/** An error body as Redfish has it. */
export function errorBody(key: string, message: string, prefix = baseMessageId('')): ErrorBody {
  const id = `${prefix}${key}`;
  return { error: { code: id, message, '@Message.ExtendedInfo': [{ MessageId: id, Message: message }] } };
}

function rootOf(options: ScriptedOptions): object {
  return {
    '@odata.id': '/redfish/v1/', Id: 'RootService', RedfishVersion: '1.18.0', ...(options.vendor ? { Vendor: options.vendor } : {}),
    Systems: { '@odata.id': '/redfish/v1/Systems' }, Managers: { '@odata.id': '/redfish/v1/Managers' },
    ...(options.sessions === false ? {} : { SessionService: { '@odata.id': '/redfish/v1/SessionService' }, Links: { Sessions: { '@odata.id': '/redfish/v1/SessionService/Sessions' } } }),
  };
}

function systemOf(options: ScriptedOptions, service: ScriptedRedfish, base: string, mediaPlace: string, mediaRoot: string): object {
  return {
    '@odata.id': base, Id: base.slice(base.lastIndexOf('/') + 1), UUID: service.state.uuid, SerialNumber: options.serialNumber ?? 'SN-0001', Manufacturer: options.vendor ?? 'ACME', Model: options.model ?? 'Server 1', BiosVersion: '2.1',
    PowerState: service.state.power, Status: { State: 'Enabled', Health: 'OK' }, ProcessorSummary: { Count: 1, Model: 'Test CPU' }, MemorySummary: { TotalSystemMemoryGiB: 32 },
    Boot: { ...service.state.boot, 'BootSourceOverrideTarget@Redfish.AllowableValues': options.bootTargets ?? ['None', 'Pxe', 'Cd', 'Hdd'] },
    EthernetInterfaces: { '@odata.id': `${base}/EthernetInterfaces` }, Processors: { '@odata.id': `${base}/Processors` }, Storage: { '@odata.id': `${base}/Storage` },
    ...(mediaPlace === 'system' ? { VirtualMedia: { '@odata.id': mediaRoot } } : {}),
    Links: { ManagedBy: [{ '@odata.id': '/redfish/v1/Managers/bmc' }] },
    Actions: { [actionNames.resetSystem]: { target: `${base}/Actions/ComputerSystem.Reset`, 'ResetType@Redfish.AllowableValues': options.resetTypes ?? defaultResets } },
  };
}
