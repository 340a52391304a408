/** A version contract: the Talos minor release whose configuration dialect is written. */
export interface VersionContract {
  readonly major: number;
  readonly minor: number;
}

/** The newest released dialect that we write. */
export const currentContract: VersionContract = { major: 1, minor: 14 };

/** The contract of a Talos version (`v1.14.1`, `1.14`); undefined when it is not one. */
export function parseContract(version: string): VersionContract | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.\d+)?(?:[-+].*)?$/.exec(version);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

/** Whether the contract is of this release or a later one. */
export function isAtLeast(contract: VersionContract, major: number, minor: number): boolean {
  return contract.major > major || (contract.major === major && contract.minor >= minor);
}
