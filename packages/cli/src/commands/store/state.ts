/** What the commands on a store share: its key file and how findings look. */
import type { Files } from '@keelson/std';
import type { CheckReport, EncryptionKeys } from '@keelson/apiserver/store';
import { renderTable } from '../../output/table.ts';

export interface KeyFile {
  readonly text: string;
  readonly keys: EncryptionKeys;
}

/** Where `store backup --with-key` puts the key of a backup. */
export function keyCopyOf(file: string): string {
  return `${file}.key`;
}

/** A key file; undefined when there is none. Throws the problem STORE.KEY_WRONG when it is no key file. */
export async function readKeyFile(files: Files, path: string): Promise<KeyFile | undefined> {
  const content = await files.read(path);
  if (!content) return undefined;
  const { readKeys } = await import('@keelson/apiserver/store');
  return { text: new TextDecoder().decode(content), keys: readKeys(content, { store: 'the store', keyFile: path }) };
}

/** A table of what a check found. */
export function renderFindings(report: CheckReport, width: number | undefined): string {
  const rows = report.findings.map(({ where, what }) => [where, what]);
  if (report.moreFindings > 0) rows.push([`and ${report.moreFindings} more`, '']);
  return renderTable(['WHERE', 'WHAT'], rows, width === undefined ? {} : { width });
}
