import type { Address } from '@keelson/std';

/** Where apid listens. */
export const talosApiPort = 50_000;

/** Talos' endpoint notation: `host`, `host:port`, `[v6]:port`, a bare IPv6 address, or an https URL (port 443 when it has none). Undefined when it is none of these. */
export function parseTalosEndpoint(text: string): Address | undefined {
  const isUrl = text.startsWith('https://');
  const rest = isUrl ? text.slice('https://'.length).replace(/\/$/, '') : text;
  const defaultPort = isUrl ? 443 : talosApiPort;
  if (!isUrl && rest.split(':').length > 2 && !rest.startsWith('[')) return { host: rest, port: defaultPort };
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(rest);
  const host = match?.[1] ?? match?.[2];
  if (!match || !host) return undefined;
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  return port > 0 && port < 65_536 ? { host, port } : undefined;
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
