/**
 * Records what a released talosctl makes of our inputs, as golden data of the config tests:
 * generated configurations, patch results, verdicts of its validation.
 *
 * Usage: node --conditions=keelson-source packages/talos/scripts/record-talosctl.ts PATH_TO_TALOSCTL
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMachineConfig, renderMachineConfig, serializeMachineConfig } from '../src/config/index.ts';
import { clusterName, endpoint, renderCases } from '../src/config/render-cases.ts';
import { validateCases } from '../src/config/validate-cases.ts';
import { parseSecretsBundle } from '../src/pki/index.ts';

const program = process.argv[2];
if (!program) throw new Error('usage: record-talosctl.ts PATH_TO_TALOSCTL');
const testdata = new URL('../src/config/testdata/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'talosctl-'));
const at = (name: string) => join(folder, name);
const run = (...args: string[]) => spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, HOME: folder } });
const version = /Tag:\s+(\S+)/.exec(run('version', '--client').stdout)?.[1] ?? 'unknown';
const source = `talosctl ${version}`;

const secretsPath = new URL('secrets.yaml', testdata);
const bundle = parseSecretsBundle(readFileSync(secretsPath, 'utf8'));

function generate(): void {
  for (const { name, role, flags } of renderCases) {
    if (!flags) continue;
    const result = run('gen', 'config', clusterName, endpoint, '--with-secrets', secretsPath.pathname, '--with-docs=false', '--with-examples=false', '--force', '--output-types', role, '--output', at('config.yaml'), ...flags);
    if (result.status !== 0) throw new Error(result.stderr);
    writeFileSync(new URL(`${name}.yaml`, testdata), `# ${source} gen config ${clusterName} ${endpoint} --output-types ${role} ${flags.join(' ')}\n${readFileSync(at('config.yaml'), 'utf8')}`);
  }
}

function split(text: string): string[] {
  return text.split(/^---\n/m).filter((part) => part.trim() !== '');
}

function patch(base: string, text: string): { readonly output?: string; readonly error?: string } {
  writeFileSync(at('patch.yaml'), text);
  writeFileSync(at('base.yaml'), base);
  const result = run('machineconfig', 'patch', at('base.yaml'), '--patch', `@${at('patch.yaml')}`);
  return result.status === 0 ? { output: result.stdout } : { error: result.stderr.trim() };
}

function patches(): void {
  const base = readFileSync(new URL('patch-base.yaml', testdata), 'utf8');
  const before = patch(base, 'machine: {}\n').output;
  if (before === undefined) throw new Error('the base cannot be patched');
  const results = readFileSync(new URL('patches.txt', testdata), 'utf8').trimEnd().split('\n=====\n').map((text) => {
    const { output, error } = patch(base, text);
    if (output === undefined) return { patch: text, error };
    const known = new Set(split(before));
    const now = new Set(split(output));
    return { patch: text, added: [...now].filter((part) => !known.has(part)), removed: [...known].filter((part) => !now.has(part)) };
  });
  writeFileSync(new URL('patch-results.json', testdata), `${JSON.stringify({ source: `${source} machineconfig patch`, base: before, results }, null, 1)}\n`);
}

function verdicts(): void {
  const verdict = (config: string) => {
    writeFileSync(at('config.yaml'), config);
    const result = run('validate', '--mode', 'metal', '--config', at('config.yaml'));
    return { isValid: result.status === 0, says: result.stderr.replaceAll(folder, '').trim().replace(/\s+/g, ' ') };
  };
  const rendered = renderCases.map(({ name, role, input }) => {
    const text = serializeMachineConfig(renderMachineConfig({ ...input, role, clusterName, endpoint, bundle }));
    return { name, text, ...verdict(text) };
  });
  const plain = (role: string) => rendered.find((entry) => entry.name === `${role}-plain`)!.text;
  const cases = validateCases.map(({ name, role, patch: text, without = [] }) => {
    const kept = serializeMachineConfig(parseMachineConfig(plain(role)).filter((document) => !without.includes(String(document['kind']))));
    const patched = text === undefined ? { output: kept } : patch(kept, text);
    return { name, ...(patched.output === undefined ? { isValid: false, says: patched.error } : verdict(patched.output)) };
  });
  const strip = rendered.map(({ name, isValid, says, text }) => ({ name, isValid, says, documents: parseMachineConfig(text).length }));
  writeFileSync(new URL('verdicts.json', testdata), `${JSON.stringify({ source: `${source} validate --mode metal`, rendered: strip, cases }, null, 1)}\n`);
}

generate();
patches();
verdicts();
rmSync(folder, { recursive: true });
process.stdout.write(`recorded with ${source}\n`);
