/**
 * Writes tables/protobuf.json from the contract data (../shared/data beside the repository).
 *
 *   node --conditions=keelson-source packages/apiserver/scripts/generate-protobuf.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadKindTable } from '@keelson/api/tables';
import type { ProtoData } from '../src/protobuf/make-table.ts';
import { makeTable, tableText } from '../src/protobuf/make-table.ts';
import { rootMessages } from '../src/protobuf/roots.ts';

const data = JSON.parse(readFileSync(new URL('../../../../shared/data/proto/kubernetes.json', import.meta.url), 'utf8')) as ProtoData;
const kinds = loadKindTable('kubernetes');
const text = tableText(makeTable(data, kinds.definitions, rootMessages(kinds)));
writeFileSync(new URL('../tables/protobuf.json', import.meta.url), text);
process.stdout.write(`wrote ${text.length} bytes\n`);
