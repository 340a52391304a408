/** What a V8 CPU profile says about where the time went: self time by package. */

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
}

/** The parts of a .cpuprofile that are read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileSummary {
  readonly totalMs: number;
  /** Nothing to do: waiting for a timer, a socket or a child process. */
  readonly idleMs: number;
  /** Self time by owner, largest first, without idle. */
  readonly owners: readonly { readonly owner: string; readonly ms: number; readonly largest: string }[];
}

/** Adds up self time per package; functions without a file count as the runtime's. */
export function summariseProfile(profile: CpuProfile): ProfileSummary {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const owners = new Map<string, { ms: number; functions: Map<string, number> }>();
  let totalMs = 0;
  let idleMs = 0;
  profile.samples.forEach((id, i) => {
    const frame = nodes.get(id)?.callFrame;
    const ms = (profile.timeDeltas[i] ?? 0) / 1000;
    totalMs += ms;
    if (!frame || frame.functionName === '(idle)') {
      idleMs += ms;
      return;
    }
    const owner = ownerOf(frame);
    const known = owners.get(owner) ?? { ms: 0, functions: new Map<string, number>() };
    known.ms += ms;
    const name = frame.functionName || '(anonymous)';
    known.functions.set(name, (known.functions.get(name) ?? 0) + ms);
    owners.set(owner, known);
  });
  const sorted = [...owners].sort((a, b) => b[1].ms - a[1].ms);
  return {
    totalMs, idleMs,
    owners: sorted.map(([owner, { ms, functions }]) => ({ owner, ms, largest: [...functions].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '' })),
  };
}

function ownerOf({ functionName, url }: ProfileNode['callFrame']): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native code (system calls, compiling)';
  const ours = /\/(?:packages|@keelson)\/([^/]+)\//.exec(url);
  if (ours) return `@keelson/${ours[1]}`;
  const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  if (installed) return installed[1]!;
  if (url.startsWith('node:internal/modules') || url.startsWith('node:internal/vm') || /^(compile|wrapSafe|stripTypes)/.test(functionName)) return 'loading modules';
  if (url.startsWith('node:')) return 'Node';
  return url === '' ? 'the runtime' : 'others';
}
