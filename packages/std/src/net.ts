/** The network as an argument. `std/node` has the real one, `std/testing` one in memory. */
import type { GrpcChannel, GrpcServerOptions } from './grpc.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from './http.ts';

export interface TlsClientOptions {
  /** PEM of the authorities to trust; the system's when absent. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Accept any certificate. A caller that sets it says so to its user. */
  readonly insecureSkipVerify?: boolean;
  /** Name to verify in place of the address. */
  readonly serverName?: string;
  /** Lower-case hex SHA-256 of the DER certificate that the server must present; checked also with insecureSkipVerify. */
  readonly pinnedSha256?: string;
  /**
   * Told the lower-case hex SHA-256 of the DER certificate that a gRPC server presented, before anything is sent to it,
   * when insecureSkipVerify or pinnedSha256 is set: what is seen first can be pinned for what follows.
   */
  readonly onServerCertificate?: (sha256: string) => void;
}

export interface TlsServerOptions {
  readonly cert: string;
  readonly key: string;
  /** Authority of client certificates; asks for one when present. */
  readonly clientCa?: string;
  /** Refuse connections without a verified client certificate. */
  readonly requireClientCert?: boolean;
}

export interface RequestOptions {
  readonly tls?: TlsClientOptions;
  /** To the first byte of the answer. */
  readonly timeoutMs?: number;
}

export interface Address {
  readonly host: string;
  /** 0 asks for a free one when listening. */
  readonly port: number;
}

export interface Listener extends AsyncDisposable {
  readonly address: Address;
  /** Stops listening and ends every open connection. */
  close(): Promise<void>;
}

export interface Net {
  /** Does one request; `request.url` is absolute (http: or https:). Throws TransportError when no answer came. */
  request(request: HttpRequest, options?: RequestOptions): Promise<HttpResponse>;
  /** A channel to a gRPC server; connects when first used. TLS only. */
  grpc(address: Address, tls: TlsClientOptions): GrpcChannel;
  listenHttp(address: Address, options: { handler: HttpHandler; tls?: TlsServerOptions }): Promise<Listener>;
  listenGrpc(address: Address, options: GrpcServerOptions & { tls: TlsServerOptions }): Promise<Listener>;
}
