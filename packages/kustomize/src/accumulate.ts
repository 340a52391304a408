// One kustomization and everything below it, in upstream's order: resources, generators, components, then the transformers.
import { absorbGenerated } from './generate/absorb.ts';
import { generateObject } from './generate/generate-object.ts';
import { type VirtualFiles, folderOf, joinPath } from './files.ts';
import { type Kustomization, type LocatedText, type PatchEntry, parseKustomization } from './load/kustomization-file.ts';
import { readResources } from './load/read-resources.ts';
import { applyPatch, applyStrategicMerge, inlinePatch } from './patch/apply-patches.ts';
import { type Origin, kustomizeProblems, problemAt } from './problems.ts';
import { type Resource, appendResources } from './resource.ts';
import { FieldPathError } from './transform/field-path.ts';
import { setImages } from './transform/images.ts';
import { addAnnotations, addCommonLabels, addLabels, affixNames, setNamespace } from './transform/metadata.ts';
import { setReplicas } from './transform/replicas.ts';

export interface Accumulation {
  readonly files: VirtualFiles;
  /** False lets files of a kustomization stand anywhere in the tree, as Flux does; true keeps them in or below its folder, as the CLI does. */
  readonly restrictFiles: boolean;
}

export const kustomizationFileNames: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** The kustomization of a folder; undefined when it has none. Throws when there are several. */
export function findKustomization(files: VirtualFiles, folder: string): Kustomization | undefined {
  const paths = kustomizationFileNames.map((name) => joinPath(folder, name)!).filter((path) => files.read(path) !== undefined);
  if (paths.length > 1) throw problemAt(kustomizeProblems.invalid, { file: paths[1]!, line: 0 }, `the folder has more than one kustomization file: ${paths.join(', ')}`);
  const [path] = paths;
  return path === undefined ? undefined : parseKustomization(decodeText(files.read(path)!), path);
}

/** Carries a kustomization out on `resources`, in place. `above` are the folders that led here. */
export function accumulate(of: Accumulation, kustomization: Kustomization, folder: string, resources: Resource[], above: readonly string[]): void {
  const path = [...above, folder];
  for (const entry of kustomization.resources) appendResources(resources, loadResource(of, entry, folder, path));
  for (const entry of kustomization.generators) {
    const generated = generateObject(entry, kustomization.generatorOptions, (name) => readFile(of, { text: name, origin: entry.origin }, folder));
    absorbGenerated(resources, generated, entry);
  }
  for (const entry of kustomization.components) {
    const { child, childFolder } = loadFolder(of, entry, folder, path);
    if (child.kind !== 'Component') throw problemAt(kustomizeProblems.invalid, entry.origin, `${entry.text} is a ${child.kind}; components names only those of kind Component`);
    accumulate(of, child, childFolder, resources, path);
  }
  transform(of, kustomization, folder, resources);
}

function transform(of: Accumulation, kustomization: Kustomization, folder: string, resources: Resource[]): void {
  const { namespace, namePrefix, nameSuffix, commonLabels, commonAnnotations, origin } = kustomization;
  const patchSource = (entry: PatchEntry) => {
    if (entry.path === undefined) return { text: entry.patch ?? '', origin: entry.origin };
    const text = decodeText(readFile(of, { text: entry.path, origin: entry.origin }, folder));
    return { text, origin: { file: resolve(folder, { text: entry.path, origin: entry.origin }), line: 1 } };
  };
  const doing = (field: string, run: () => void) => {
    try {
      run();
    } catch (error) {
      if (error instanceof FieldPathError) throw problemAt(kustomizeProblems.transform, origin, error.message, { field });
      throw error;
    }
  };
  for (const entry of kustomization.patchesStrategicMerge) {
    const file = joinPath(folder, entry.text);
    const bytes = file === undefined || entry.text.includes('\n') ? undefined : of.files.read(file);
    applyStrategicMerge(resources, bytes && file ? { text: decodeText(bytes), origin: { file, line: 1 } } : inlineOrMissing(entry));
  }
  for (const entry of kustomization.patches) applyPatch(resources, entry, patchSource(entry));
  if (namespace) doing('namespace', () => setNamespace(resources, namespace));
  if (namePrefix) affixNames(resources, { prefix: namePrefix });
  if (nameSuffix) affixNames(resources, { suffix: nameSuffix });
  for (const entry of kustomization.labels) doing('labels', () => addLabels(resources, entry));
  if (commonLabels) doing('commonLabels', () => addCommonLabels(resources, commonLabels));
  if (commonAnnotations) doing('commonAnnotations', () => addAnnotations(resources, commonAnnotations));
  for (const entry of kustomization.patchesJson6902) applyPatch(resources, entry, patchSource(entry), true);
  for (const entry of kustomization.replicas) doing('replicas', () => setReplicas(resources, entry));
  for (const entry of kustomization.images) setImages(resources, entry);
}

function inlineOrMissing(entry: LocatedText): { text: string; origin: Origin } {
  if (!/[\n:]/.test(entry.text)) throw missing(entry, 'there is no such file');
  return inlinePatch(entry);
}

function loadResource(of: Accumulation, entry: LocatedText, folder: string, path: readonly string[]): Resource[] {
  const target = resolve(folder, entry);
  const bytes = of.files.read(target);
  if (bytes) {
    refuseOutside(of, entry, folder, target);
    return readResources(decodeText(bytes), target);
  }
  const { child, childFolder } = loadFolder(of, entry, folder, path);
  if (child.kind === 'Component') throw problemAt(kustomizeProblems.invalid, entry.origin, `${entry.text} is a Component; name it under components`);
  const resources: Resource[] = [];
  accumulate(of, child, childFolder, resources, path);
  return resources;
}

function loadFolder(of: Accumulation, entry: LocatedText, folder: string, path: readonly string[]): { child: Kustomization; childFolder: string } {
  const childFolder = resolve(folder, entry);
  if (of.files.list(childFolder) === undefined) throw missing(entry, 'there is no such file or folder');
  const isAbove = path.some((known) => known === childFolder || childFolder === '' || known.startsWith(`${childFolder}/`));
  if (isAbove) throw problemAt(kustomizeProblems.invalid, entry.origin, `${entry.text} leads back to a folder that is being built: ${[...path, childFolder].map((step) => step || '.').join(' → ')}`);
  const child = findKustomization(of.files, childFolder);
  if (!child) throw missing(entry, `the folder ${childFolder || '.'} has no kustomization.yaml`);
  return { child, childFolder };
}

const remotePattern = /^[a-z][a-z0-9+.-]*:\/\/|^git::|^[^/@\s]+@[^/:\s]+:|^(github|gitlab|bitbucket)\.(com|org)[/:]|\?(ref|version|timeout|submodules)=/i;

function resolve(folder: string, entry: LocatedText): string {
  if (remotePattern.test(entry.text)) {
    throw problemAt(kustomizeProblems.unsupported, entry.origin, `${entry.text} is fetched from elsewhere, so the commit does not say what is applied`, { feature: 'a remote base' });
  }
  const target = joinPath(folder, entry.text);
  if (target === undefined) throw problemAt(kustomizeProblems.invalid, entry.origin, `${entry.text} leaves the repository`);
  return target;
}

function refuseOutside(of: Accumulation, entry: LocatedText, folder: string, target: string): void {
  if (!of.restrictFiles || folder === '' || target.startsWith(`${folder}/`)) return;
  throw problemAt(kustomizeProblems.invalid, entry.origin, `${entry.text} is not in or below ${folder}`);
}

function readFile(of: Accumulation, entry: LocatedText, folder: string): Uint8Array {
  const target = resolve(folder, entry);
  const bytes = of.files.read(target);
  if (!bytes) throw missing(entry, of.files.list(target) ? `${target} is a folder` : 'there is no such file');
  refuseOutside(of, entry, folder, target);
  return bytes;
}

function missing(entry: LocatedText, why: string): Error {
  const path = joinPath(folderOf(entry.origin.file), entry.text) ?? entry.text;
  return problemAt(kustomizeProblems.notFound, entry.origin, why, { path });
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
