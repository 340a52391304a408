import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jsonResponse, type HttpHandler } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { commandNames, version } from './program.ts';
import { nearNames } from './suggest.ts';
import { parseKind, parseTarget } from './target.ts';
import { kubeconfigText, runLine } from './testing/session-world.ts';

test('the version is that of the package', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.equal(version, manifest.version);
  for (const argument of ['--version', '-v', 'version']) assert.deepEqual(await runLine([argument]), { code: 0, out: `keelson ${version}\n`, err: '' });
});

test('--version loads nothing but the command line itself', () => {
  const hook = 'import { registerHooks } from "node:module"; import { writeSync } from "node:fs"; registerHooks({ load: (url, context, next) => { writeSync(2, `${url}\\n`); return next(url, context); } });';
  const bin = fileURLToPath(new URL('./bin.ts', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--conditions=keelson-source', '--import', `data:text/javascript,${encodeURIComponent(hook)}`, bin, '--version'], { encoding: 'utf8' });
  assert.deepEqual([stdout, status], [`keelson ${version}\n`, 0]);
  const loaded = stderr.split('\n').filter((line) => line.startsWith('file:'));
  assert.ok(loaded.some((url) => url.endsWith('/program.ts')), stderr);
  assert.deepEqual(loaded.filter((url) => !/\/packages\/(cli|std)\/src\//.test(url) || /\/commands\/|\/std\/src\/(node|x509|testing)\//.test(url)), []);
});

test('help is one sentence, usage, two examples and the exit codes, for every command', async () => {
  const overview = (await runLine(['--help'])).out;
  assert.ok(commandNames.length >= 12);
  for (const name of commandNames) {
    assert.match(overview, new RegExp(`^  ${name} +\\S`, 'm'));
    const { code, out, err } = await runLine([...name.split(' '), '--help']);
    assert.deepEqual([code, err], [0, ''], name);
    const lines = out.split('\n');
    assert.match(lines[0]!, /^[A-Z].*\.$/, name);
    assert.ok(overview.includes(lines[0]!.split(/[:,.]/)[0]!.slice(0, 20)), `${name}: the overview says something else`);
    assert.match(out, new RegExp(`^Usage: keelson ${name}`, 'm'));
    const examples = lines.slice(lines.indexOf('Examples:') + 1).filter((line) => line.startsWith('  '));
    assert.ok(examples.length >= 2 && examples.some((line) => line.includes(`keelson ${name}`)), name);
    assert.match(out, /^Exit codes: .*\b70\b/m);
    for (const [, option] of out.matchAll(/^ {2}--([a-z-]+) +(.*)$/gm)) assert.ok(option);
  }
});

const usage: readonly { readonly argv: readonly string[]; readonly code: number; readonly says: RegExp }[] = [
  { argv: [], code: 2, says: /^$/ },
  { argv: ['statsu'], code: 2, says: /"statsu" is no command[\s\S]*there is status/ },
  { argv: ['tre'], code: 2, says: /there is tree/ },
  { argv: ['lab'], code: 2, says: /say what to do with "lab"[\s\S]*lab fault|lab status/ },
  { argv: ['lab', 'rest'], code: 2, says: /"lab rest" is no command[\s\S]*lab reset/ },
  { argv: ['xyzzy'], code: 2, says: /"xyzzy" is no command/ },
  { argv: ['status', '--nonsense'], code: 2, says: /nonsense[\s\S]*keelson status --help/ },
  { argv: ['status', '--color', 'sometimes'], code: 2, says: /--color sometimes is not always, never or auto/ },
  { argv: ['up', '--timeout', 'soon'], code: 2, says: /soon is no duration/ },
];
for (const { argv, code, says } of usage) {
  test(`keelson ${argv.join(' ')} ends with ${code} and says what to do`, async () => {
    const ran = await runLine(argv);
    assert.equal(ran.code, code);
    assert.match(ran.err, says);
  });
}

test('names that are near are suggested, others are not', () => {
  assert.deepEqual(nearNames('evnets', ['events', 'tree', 'trace']), ['events']);
  assert.deepEqual(nearNames('t', ['tree', 'trace']), ['trace', 'tree']);
  assert.deepEqual(nearNames('kubectl', ['events', 'tree']), []);
});

const targets: readonly [positionals: string[], namespace: string | undefined, wanted: string][] = [
  [['host/r1u01'], undefined, 'metal3.io BareMetalHost undefined r1u01'], [['host', 'r1u01'], 'dc', 'metal3.io BareMetalHost dc r1u01'], [['bmh/dc/r1u01'], 'other', 'metal3.io BareMetalHost dc r1u01'],
  [['app/x'], undefined, 'kustomize.toolkit.fluxcd.io Kustomization undefined x'], [['source/x'], undefined, 'source.toolkit.fluxcd.io GitRepository undefined x'], [['deploy', 'a/b'], undefined, 'apps Deployment a b'],
];
for (const [positionals, namespace, wanted] of targets) {
  test(`the target ${positionals.join(' ')} is ${wanted}`, () => {
    const { ref } = parseTarget('trace', positionals, namespace);
    assert.equal(`${ref.group} ${ref.kind} ${ref.namespace} ${ref.name}`, wanted);
  });
}
for (const wrong of ['host', 'host/', '/x', 'host/a/b/c', '']) test(`the target "${wrong}" is refused`, () => assert.throws(() => parseTarget('trace', [wrong], undefined), { name: 'CommandError', code: 2 }));
test('a kind that is not known is refused with what to do', () => assert.throws(() => parseKind('widgets'), { name: 'CommandError', code: 2, message: /no kind that Keelson knows/ }));

/** Runs `status` against a server that answers everything in one way. */
async function statusAgainst(handler: HttpHandler): Promise<{ readonly code: number; readonly err: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'keelson-cli-'));
  await using listener = await nodeEnv().net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler });
  writeFileSync(join(dir, 'k'), kubeconfigText(`http://127.0.0.1:${listener.address.port}`));
  return await runLine(['status', '--kubeconfig', 'k'], { cwd: dir });
}
const refusal = (code: number, reason: string) => async () => jsonResponse(code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `${reason}!` });

test('an API that does not know us is exit code 4, one that breaks is 2, one that is not there is 2', async () => {
  assert.deepEqual((({ code, err }) => [code, /CLI\.UNAUTHORISED/.test(err)])(await statusAgainst(refusal(401, 'Unauthorized'))), [4, true]);
  assert.deepEqual((({ code, err }) => [code, /CLI\.UNAUTHORISED/.test(err)])(await statusAgainst(refusal(403, 'Forbidden'))), [4, true]);
  assert.deepEqual((({ code, err }) => [code, /CLI\.UNAUTHORISED|CLI\.REFUSED/.test(err)])(await statusAgainst(refusal(500, 'InternalError'))), [2, true]);
  const dir = mkdtempSync(join(tmpdir(), 'keelson-cli-'));
  writeFileSync(join(dir, 'k'), kubeconfigText('http://127.0.0.1:1'));
  assert.deepEqual((({ code, err }) => [code, /CLI\.NO_SERVER/.test(err)])(await runLine(['status', '--kubeconfig', 'k'], { cwd: dir })), [2, true]);
  writeFileSync(join(dir, 'k'), '{}');
  assert.deepEqual((({ code, err }) => [code, /CLI\.KUBECONFIG_INVALID/.test(err)])(await runLine(['status', '--kubeconfig', 'k'], { cwd: dir })), [2, true]);
});

test('an error nobody has foreseen is ours: exit code 70, with its stack only when asked for', async () => {
  const broken = new Proxy({} as never, { get: () => { throw new TypeError('boom'); } });
  const ran = await runLine(['status'], { world: broken });
  assert.equal(ran.code, 70);
  assert.match(ran.err, /this is a fault of Keelson: boom/);
  assert.doesNotMatch(ran.err, /at .*\.ts:/);
  assert.match((await runLine(['status'], { world: broken, env: { KEELSON_DEBUG: '1' } })).err, /at .*\.ts:/);
});

test('a signal while a request is under way ends quietly with its exit code', async () => {
  for (const code of [130, 143]) {
    const stop = new AbortController();
    stop.abort(code);
    const broken = new Proxy({} as never, { get: () => { throw stop.signal.reason; } });
    assert.deepEqual(await runLine(['status'], { world: broken, signal: stop.signal }), { code, out: '', err: '' });
  }
});
