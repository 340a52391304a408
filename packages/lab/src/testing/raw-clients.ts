/** Raw requests to lab devices for tests: HTTP by hand and gRPC from the wire tables, no client of ours. */
import { readText, GrpcError, type Env, type GrpcCallOptions, type HttpResponse, type TlsClientOptions } from '@keelson/std';
import { decode, encode, type Encodable, type RequestOf, type ResponseOf, type TalosMethod } from '@keelson/talos/wire';
import type { Lab } from '../lab.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  /** Parsed JSON; an empty object without a body. */
  // oxlint-disable-next-line no-explicit-any -- tests look into answers of any shape
  readonly body: any;
}

/** One Redfish request with basic authentication, unless headers say otherwise. */
export async function redfish(env: Env, lab: Lab, name: string, method: string, path: string, options: { body?: unknown; headers?: Record<string, string>; anonymous?: boolean } = {}): Promise<RawAnswer> {
  const machine = lab.machine(name);
  const { username, password } = machine.spec.bmc;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const response = await env.net.request(
    {
      method, url: `${lab.bmc(name).url}${path}`,
      headers: { ...(options.anonymous ? {} : { authorization }), ...(options.body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
      ...(options.body === undefined ? {} : { body: new TextEncoder().encode(typeof options.body === 'string' ? options.body : JSON.stringify(options.body)) }),
    },
    { tls: { insecureSkipVerify: true } },
  );
  const text = await readText(response.body);
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

/** All answers of one Talos call. */
export async function talosAll<M extends TalosMethod>(env: Env, address: string, tls: TlsClientOptions, method: M, request: Encodable<RequestOf<M>>, options?: GrpcCallOptions): Promise<ResponseOf<M>[]> {
  const channel = env.net.grpc({ host: address, port: 50000 }, tls);
  try {
    const answers: ResponseOf<M>[] = [];
    for await (const bytes of channel.call(method, [encode(method.request, request as never)], options)) answers.push(decode(method.response, bytes) as ResponseOf<M>);
    return answers;
  } finally {
    channel.close();
  }
}

/** The one answer of a unary Talos call. */
export async function talos<M extends TalosMethod>(env: Env, address: string, tls: TlsClientOptions, method: M, request: Encodable<RequestOf<M>>, options?: GrpcCallOptions): Promise<ResponseOf<M>> {
  const [answer] = await talosAll(env, address, tls, method, request, options);
  if (answer === undefined) throw new Error(`${method.path} gave no answer`);
  return answer;
}

/** The gRPC status and message a call fails with. */
export async function grpcFailure(call: Promise<unknown>): Promise<{ readonly code: number; readonly message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof GrpcError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the call succeeded');
}
