/** One call of the Talos API: encode, send with a deadline, decode, and turn failures into problems. */
import { GrpcError, grpcStatus, ProblemError, problem, type GrpcChannel } from '@keelson/std';
import { talosProblems } from '../problems.ts';
import { decode, encode, type Encodable, type RequestOf, type ResponseOf, type TalosMethod } from '../wire/index.ts';
import type { CallOptions } from './talos-client.ts';

/** Where a call goes, and what its failures mean there. */
export interface Connection {
  readonly channel: GrpcChannel;
  /** host:port, for messages. */
  readonly address: string;
  readonly isMaintenance: boolean;
}

/** A stream that ended by its deadline or its signal has simply ended. */
export interface StreamOptions extends CallOptions {
  readonly endsQuietly?: boolean;
}

/** Sends one request and answers the one reply. Throws ProblemError; `cause` is the GrpcError. */
export async function callUnary<M extends TalosMethod>(to: Connection, method: M, request: Encodable<RequestOf<M>>, timeoutMs: number, options: CallOptions = {}): Promise<ResponseOf<M>> {
  for await (const reply of callStream(to, method, request, timeoutMs, options)) return reply;
  throw toProblem(to, method, new GrpcError(grpcStatus.internal, 'the call ended without an answer'));
}

/** Sends one request and yields the replies. Throws ProblemError; `cause` is the GrpcError. */
export async function* callStream<M extends TalosMethod>(
  to: Connection, method: M, request: Encodable<RequestOf<M>>, timeoutMs: number, options: StreamOptions = {},
): AsyncGenerator<ResponseOf<M>, void> {
  // RequestOf<M> is TalosMessages[M['request']], which encode() takes for this very name.
  const bytes = encode(method.request, request as never);
  try {
    const replies = to.channel.call(method, [bytes], {
      timeoutMs: options.timeoutMs ?? timeoutMs,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.node === undefined ? {} : { metadata: { node: options.node } }),
    });
    for await (const reply of replies) yield decode(method.response, reply) as ResponseOf<M>;
  } catch (error) {
    if (options.signal?.aborted) {
      if (options.endsQuietly) return;
      throw options.signal.reason;
    }
    if (options.endsQuietly && error instanceof GrpcError && error.code === grpcStatus.deadlineExceeded) return;
    throw toProblem(to, method, error);
  }
}

/** The gRPC status code behind an error of a TalosClient; undefined when it is none. */
export function grpcCodeOf(error: unknown): number | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 8; current = current.cause, depth++) {
    if (current instanceof GrpcError) return current.code;
  }
  return undefined;
}

/** Whether an error is one of our problems. */
export function isTalosProblem(error: unknown, name: keyof typeof talosProblems): boolean {
  return error instanceof ProblemError && error.problem.code === talosProblems[name].code;
}

function toProblem(to: Connection, method: TalosMethod, error: unknown): unknown {
  if (!(error instanceof GrpcError)) return new Error(`calling ${method.path} of ${to.address}`, { cause: error });
  const name = method.path.slice(method.path.lastIndexOf('.') + 1);
  const detail = { why: stableText(error.message) || `gRPC status ${error.code}`, where: to.address };
  return new ProblemError(problem(talosProblems[classify(to, method, error)], { address: to.address, method: name }, detail), { cause: error });
}

/** The message without what differs from one try to the next (times, thread ids): it ends up in conditions. */
function stableText(message: string): string {
  return message
    .replace(/\s+/g, ' ')
    .replace(/ ?\(\d{4}-\d\d-\d\dT[\d:.]+Z\)\.?/g, '')
    .replace(/\b[0-9A-F]{16}:error:/g, 'error:')
    .replace(/\.? Resolution note: ?$/, '')
    .trim();
}

const certificateTrouble = /certificate|\bCERT_|self[- ]signed|UNABLE_TO_VERIFY|DEPTH_ZERO|ALTNAME|unknown authority|pinned/i;
/** The node did not take our client certificate, or wants one: TLS alerts 42 and 44 to 48, and 116. */
const clientCertificateWanted = /requires a client certificate|certificate required|alert number (42|44|45|46|48|116)\b/i;

function classify(to: Connection, method: TalosMethod, error: GrpcError): keyof typeof talosProblems {
  switch (error.code) {
    case grpcStatus.unavailable:
    case grpcStatus.deadlineExceeded: {
      const text = joinedMessages(error);
      if (clientCertificateWanted.test(text)) return to.isMaintenance ? 'notInMaintenance' : 'unauthorized';
      return certificateTrouble.test(text) ? 'untrusted' : 'unreachable';
    }
    case grpcStatus.unauthenticated:
      return to.isMaintenance ? 'notInMaintenance' : 'unauthorized';
    case grpcStatus.permissionDenied:
      return to.isMaintenance ? 'inMaintenance' : 'unauthorized';
    case grpcStatus.unimplemented:
      return to.isMaintenance || /maintenance/i.test(error.message) ? 'inMaintenance' : 'unsupported';
    case grpcStatus.failedPrecondition:
      return 'notReady';
    case grpcStatus.invalidArgument:
      return method.path.endsWith('/ApplyConfiguration') ? 'invalidConfig' : 'failed';
    default:
      return 'failed';
  }
}

function joinedMessages(error: unknown): string {
  const parts: string[] = [];
  for (let current = error, depth = 0; current instanceof Error && depth < 8; current = current.cause, depth++) {
    parts.push(current.message, 'code' in current ? String(current.code) : '');
  }
  return parts.join(' ');
}
