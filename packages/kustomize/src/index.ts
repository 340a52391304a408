export { findKustomization, kustomizationFileNames } from './accumulate.ts';
export * from './build.ts';
export * from './files.ts';
export { parseYaml, type YamlDocument } from './load/parse-yaml.ts';
export type { ImageEntry, Kustomization, PatchTarget } from './load/kustomization-file.ts';
export type { Overlay } from './overlay.ts';
export { kustomizeProblems, placeOf, type Origin } from './problems.ts';
