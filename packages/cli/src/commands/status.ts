import { collect, findingsOf, healthSentence, refText, stateOf, type Snapshot } from '@keelson/trace';
import { keyOf, type KubeObject } from '@keelson/kube';
import { parseCommand, type Command } from '../arguments.ts';
import { connect, explainApiError } from '../connect.ts';
import { exitCode } from '../output/failure.ts';
import { createStyle, wantsColour, type Style } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { timeColumn, type TimeColumn } from '../output/times.ts';
import { tellUnread } from '../output/unread.ts';

const options = { output: { type: 'string', short: 'o' } } as const;

export const statusCommand: Command = {
  name: 'status',
  summary: 'Says whether everything is ready, and what stands in the way.',
  usage: 'status [-o json]',
  examples: ['keelson status', 'keelson status --kubeconfig other-cluster.yaml'],
  options,
  optionHelp: { output: 'json prints the findings as data' },
  async run(context) {
    const { values } = parseCommand('status', context, options);
    const connection = await connect(values, context);
    try {
      const snapshot = await collect(connection.client, { nowMs: connection.env.clock.now(), events: false, namespace: connection.namespace });
      tellUnread(snapshot, context.err);
      const findings = findingsOf(snapshot);
      if (values.output === 'json') {
        context.out(`${JSON.stringify({ summary: healthSentence(snapshot), findings }, null, 2)}\n`);
        return findings.length > 0 ? exitCode.no : exitCode.done;
      }
      const style = createStyle(wantsColour(values.color, context.env, context.isTerminal));
      context.out(`${healthSentence(snapshot)}\n\n${renderOverviewTable(snapshot, style, context.width)}`);
      if (findings.length > 0) {
        const time = timeColumn(context.width);
        const rows = findings.map(({ ref, state, because }) => [refText(ref), style.state(state.state), state.phase, time.cell(state.sinceMs, snapshot.nowMs), because ? `waits for ${refText(because)}` : state.message]);
        context.out(`\n${renderTable(['OBJECT', 'STATE', 'PHASE', time.header, 'WHY'], rows, context.width === undefined ? {} : { width: context.width })}`);
      }
      return findings.length > 0 ? exitCode.no : exitCode.done;
    } catch (error) {
      throw explainApiError(error, connection.where);
    }
  },
};

/** Sources, Kustomizations, clusters, machines and hosts, a line each. */
export function renderOverviewTable(snapshot: Snapshot, style: Style, width?: number): string {
  const time = timeColumn(width);
  const kinds = ['GitRepository', 'OCIRepository', 'Bucket', 'Kustomization', 'HelmRelease', 'Cluster', 'Machine', 'BareMetalHost'];
  const rows = kinds.flatMap((kind) => [...snapshot.of(kind)].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).map((object) => overviewRow(object, snapshot, style, time)));
  return renderTable(['OBJECT', 'STATE', 'PHASE', time.header, 'MESSAGE'], rows, width === undefined ? {} : { width });
}

function overviewRow(object: KubeObject, snapshot: Snapshot, style: Style, time: TimeColumn): string[] {
  const state = stateOf(object, snapshot.nowMs);
  return [`${object.kind}/${keyOf(object)}`, style.state(state.state), state.phase, time.cell(state.sinceMs, snapshot.nowMs), state.message];
}
