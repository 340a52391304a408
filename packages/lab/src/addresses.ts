/**
 * Who has which address in a lab's /16 of 127.0.0.0/8. Linux accepts every 127/8 address without set-up.
 * Machine i (from 1): BMC .1.<10+i>:8443, node .2.<10+i>; past 240 machines both continue in higher /24s.
 */
export interface LabAddresses {
  /** First two octets with a dot at the end: `127.77.`. */
  readonly prefix: string;
  readonly git: { readonly host: string; readonly port: number };
  readonly images: { readonly host: string; readonly port: number };
  /** Status, journals and faults, for the CLI. */
  readonly control: { readonly host: string; readonly port: number };
  bmc(index: number): { readonly host: string; readonly port: number };
  node(index: number): string;
}

/** The prefix under which the example manifests are written. */
export const examplePrefix = '127.77.';

export const bmcPort = 8443;
export const talosPort = 50000;

const perPage = 240;

export function labAddresses(network: string): LabAddresses {
  const prefix = networkPrefix(network);
  const inPage = (first: number, pages: number, index: number) => {
    const page = Math.floor((index - 1) / perPage);
    const last = 10 + index - page * perPage;
    return page === 0 ? `${prefix}${first}.${last}` : `${prefix}${pages + page}.${last}`;
  };
  return {
    prefix,
    git: { host: `${prefix}0.10`, port: 3000 },
    images: { host: `${prefix}0.10`, port: 8080 },
    control: { host: `${prefix}0.10`, port: 8081 },
    bmc: (index) => ({ host: inPage(1, 32, index), port: bmcPort }),
    node: (index) => inPage(2, 128, index),
  };
}

/** `127.77.` of `127.77.0.0/16`; throws when it is not a /16 in 127.0.0.0/8. */
export function networkPrefix(network: string): string {
  const match = /^127\.(\d{1,3})\.0\.0\/16$/.exec(network);
  if (!match || Number(match[1]) > 255 || Number(match[1]) === 0) {
    throw new Error(`lab network ${network} must be a /16 in 127.0.0.0/8 other than 127.0.0.0/16, e.g. 127.77.0.0/16`);
  }
  return `127.${Number(match[1])}.`;
}

/** Text of an example with its addresses moved to the lab's network. Only whole addresses in 127.77.0.0/16 change. */
export function moveAddresses(text: string, prefix: string): string {
  if (prefix === examplePrefix) return text;
  return text.replace(/(?<![\d.])127\.77\.(?=\d{1,3}\.\d{1,3}(?!\d))/g, prefix);
}
