import { openValue, sealedWith } from '../encryption/seal.ts';
import { prefixOfResource, sealedResources } from '../encryption/encrypted-store.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import { decodeUndo, type UndoRecord } from '../undo.ts';
import type { Snapshot } from './snapshot.ts';

/** Something in a store that is not as it must be. */
export interface Finding {
  /** The key, or `revision N` of the log. */
  readonly where: string;
  readonly what: string;
}

export interface CheckReport {
  readonly revision: number;
  readonly oldestRevision: number;
  readonly objects: number;
  readonly historyRecords: number;
  /** Values sealed now, by the id of their key. */
  readonly sealed: ReadonlyMap<string, number>;
  /** Values of resources that are to be sealed and are not yet. */
  readonly plain: number;
  /** Empty when every record is as it must be; at most `findingLimit`. */
  readonly findings: readonly Finding[];
  readonly moreFindings: number;
}

export const findingLimit = 100;

/**
 * Reads every record of a store: values are JSON (once opened) of the object and the revision their key and head say, revisions are unique, the log
 * has no gap, and undoing it step by step fits what the keys hold. Without `keys` sealed values are findings.
 */
export function checkSnapshot(snapshot: Snapshot, keys: EncryptionKeys | undefined): CheckReport {
  const findings: Finding[] = [];
  let moreFindings = 0;
  const found = (where: string, what: string) => {
    if (findings.length < findingLimit) findings.push({ where, what });
    else moreFindings++;
  };
  const whyBad = (key: string, revision: number, value: Uint8Array) => whyNotReadable(key, revision, value, keys);
  const prefixes = sealedResources.map(prefixOfResource);

  const revisions = new Map<string, number>();
  const owners = new Map<number, string>();
  const sealed = new Map<string, number>();
  let plain = 0;
  for (const { key, value: bytes } of snapshot.objects()) {
    if (bytes.length < 8) {
      found(key, 'its record is cut short');
      continue;
    }
    const revision = bytes.readDoubleBE(0);
    const value = bytes.subarray(8);
    revisions.set(key, revision);
    const other = owners.get(revision);
    if (other !== undefined) found(key, `it has revision ${revision}, as ${other} has`);
    owners.set(revision, key);
    const id = sealedWith(value);
    if (id !== undefined) sealed.set(id, (sealed.get(id) ?? 0) + 1);
    else if (prefixes.some((prefix) => key.startsWith(prefix))) plain++;
    const why = whyBad(key, revision, value);
    if (why !== undefined) found(key, why);
  }

  const records: UndoRecord[] = [];
  for (const { key: revision, value } of snapshot.log()) {
    try {
      // The bytes are LMDB's own until the next record is read.
      records.push(decodeUndo(revision, Uint8Array.from(value)));
    } catch (error) {
      found(`revision ${revision}`, error instanceof Error ? error.message : String(error));
    }
  }
  records.forEach((record, index) => {
    const before = records[index - 1];
    if (before && before.revision !== record.revision - 1) found(`revision ${record.revision}`, `the record before it is ${before.revision}`);
    const { previous } = record;
    if (!previous) return;
    if (previous.revision >= record.revision) found(`revision ${record.revision}`, `it replaced revision ${previous.revision}`);
    const why = whyBad(record.key, previous.revision, previous.value);
    if (why !== undefined) found(`revision ${record.revision}`, `what it replaced: ${why}`);
  });
  const revision = records.at(-1)?.revision ?? 1;
  const oldestRevision = (records[0]?.revision ?? 2) - 1;
  undo(records, revisions, oldestRevision, found);
  return { revision, oldestRevision, objects: revisions.size, historyRecords: records.length, sealed, plain, findings, moreFindings };
}

/** Undoes the log from its end: each record must find what it says it made, and at its beginning nothing may be younger than it. */
function undo(records: readonly UndoRecord[], revisions: ReadonlyMap<string, number>, oldestRevision: number, found: (where: string, what: string) => void): void {
  const holds = new Map<string, number | undefined>(revisions);
  for (const { type, key, revision, previous } of records.toReversed()) {
    const now = holds.get(key);
    if (type === 'put' ? now !== revision : now !== undefined) found(`revision ${revision}`, `it ${type === 'put' ? 'wrote' : 'deleted'} ${key}, which ${now === undefined ? 'is not there' : `has revision ${now}`} after it`);
    holds.set(key, previous?.revision);
  }
  for (const [key, revision] of holds) if (revision !== undefined && revision > oldestRevision) found(key, `it has revision ${revision}, which the log does not know`);
}

function whyNotReadable(key: string, revision: number, value: Uint8Array, keys: EncryptionKeys | undefined): string | undefined {
  if (!Number.isSafeInteger(revision) || revision < 2) return `${revision} is no revision`;
  const id = sealedWith(value);
  if (id !== undefined && !keys) return `it is sealed with key ${id}, and there is no key file`;
  try {
    const object: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(keys ? openValue(keys, { key, revision }, value) : value));
    const metadata = (object as { metadata?: { resourceVersion?: unknown; name?: unknown } } | null)?.metadata; // asked for below, field by field
    if (metadata?.resourceVersion !== String(revision)) return `it is of revision ${revision} and says ${JSON.stringify(metadata?.resourceVersion)}`;
    if (typeof metadata.name !== 'string' || !key.endsWith(`/${metadata.name}`)) return 'it is an object of another name';
    return undefined;
  } catch (error) {
    // JSON.parse would quote what it cannot read.
    return error instanceof SyntaxError || error instanceof TypeError ? 'it is not JSON' : error instanceof Error ? error.message : String(error);
  }
}
