// Which files of a repository stay out of its artifact: gitignore patterns (git's documentation of the format) in `.sourceignore` files and spec.ignore,
// with the defaults of Flux's source-controller, which count only where nothing else is said.
import type { GitFile } from '@keelson/git';

interface Rule {
  readonly matches: (path: string, isFolder: boolean) => boolean;
  readonly includes: boolean;
}

/** Never in an artifact. */
const versionControl = ['.git/', '.gitignore', '.gitmodules', '.gitattributes'];
/** Not in an artifact unless the repository has rules of its own. */
const defaults = [
  '*.jpg', '*.jpeg', '*.gif', '*.png', '*.wmv', '*.flv', '*.tar.gz', '*.zip', '.github/', '.circleci/', '.travis.yml', '.gitlab-ci.yml', 'appveyor.yml', '.drone.yml', 'cloudbuild.yaml',
  'codeship-services.yml', 'codeship-steps.yml', '**/.goreleaser.yml', '**/.sops.yaml', '**/.flux.yaml',
];

/** The files that belong into the artifact. `specIgnore` is spec.ignore; its rules come last and win. */
export function selectFiles(files: readonly GitFile[], specIgnore: string | undefined): GitFile[] {
  const own: Rule[] = [];
  for (const file of files) {
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    if (name !== '.sourceignore' || file.mode === 'symlink') continue;
    own.push(...parseRules(new TextDecoder().decode(file.bytes), file.path.slice(0, -name.length)));
  }
  if (specIgnore !== undefined) own.push(...parseRules(specIgnore, ''));
  const rules = [...parseRules(versionControl.join('\n'), ''), ...(own.length > 0 ? own : parseRules(defaults.join('\n'), ''))];
  const folders = new Map<string, boolean>();
  return files.filter((file) => !isExcluded(file.path, false, rules, folders));
}

/** A path is out when its last matching rule says so, or when a folder above it is out. */
function isExcluded(path: string, isFolder: boolean, rules: readonly Rule[], folders: Map<string, boolean>): boolean {
  const known = isFolder ? folders.get(path) : undefined;
  if (known !== undefined) return known;
  const slash = path.lastIndexOf('/');
  let excluded = slash > 0 && isExcluded(path.slice(0, slash), true, rules, folders);
  if (!excluded) {
    const last = rules.findLast((rule) => rule.matches(path, isFolder));
    excluded = last !== undefined && !last.includes;
  }
  if (isFolder) folders.set(path, excluded);
  return excluded;
}

/** `base` is the folder the rules are for, with a slash at its end, or ''. */
function parseRules(text: string, base: string): Rule[] {
  const rules: Rule[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(?<!\\)\s+$/, '');
    if (line === '' || line.startsWith('#')) continue;
    const includes = line.startsWith('!');
    let pattern = (includes ? line.slice(1) : line).replace(/^\\([#!])/, '$1');
    const onlyFolders = pattern.endsWith('/');
    if (onlyFolders) pattern = pattern.slice(0, -1);
    const anchored = pattern.includes('/');
    const expression = new RegExp(`^${anchored ? '' : '(?:.*/)?'}${globExpression(pattern.replace(/^\//, ''))}$`);
    const matches = (path: string, isFolder: boolean) => path.startsWith(base) && (isFolder || !onlyFolders) && expression.test(path.slice(base.length));
    rules.push({ matches, includes });
  }
  return rules;
}

function globExpression(pattern: string): string {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const rest = pattern.slice(i);
    const set = /^\[(!|\^)?(\]?[^\]]*)\]/.exec(rest);
    if (rest.startsWith('**/') && (i === 0 || pattern[i - 1] === '/')) {
      out += '(?:.*/)?';
      i += 2;
    } else if (rest === '**' && (i === 0 || pattern[i - 1] === '/')) {
      out += '.+';
      i += 1;
    } else if (rest.startsWith('*')) out += '[^/]*';
    else if (rest.startsWith('?')) out += '[^/]';
    else if (set) {
      out += `[${set[1] ? '^/' : ''}${set[2]!.replaceAll('\\', '\\\\').replace(/^\]/, '\\]')}]`;
      i += set[0].length - 1;
    } else if (rest.startsWith('\\') && rest.length > 1) {
      out += escapeText(rest[1]!);
      i += 1;
    } else out += escapeText(rest[0]!);
  }
  return out;
}

const escapeText = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
