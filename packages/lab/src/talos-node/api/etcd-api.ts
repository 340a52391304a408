/** The etcd methods of a control plane over the lab's membership model. */
import { talosMethods } from '@keelson/talos/wire';
import { systemDisk } from '../../machine/disk.ts';
import type { EtcdData } from '../../machine/state.ts';
import type { EtcdCluster } from '../etcd.ts';
import { leaveEtcd } from '../sequences.ts';
import { setService } from '../services.ts';
import { fail, requireControlPlane, unaryRoute, type ApiCall, type Route } from './route.ts';

const service = talosMethods['machine.MachineService'];
const dbSizeBytes = 4_194_304n;
const etcdVersion = '3.6.5';

const idOf = (hex: string) => BigInt(`0x${hex}`);

/** This node's member and its cluster; an error while etcd does not run here or has no quorum. */
function local(call: ApiCall, api: string, needsQuorum: boolean): { data: EtcdData; cluster: EtcdCluster } {
  requireControlPlane(call, api);
  const { node } = call;
  const data = systemDisk(node.machine)?.content.etcd;
  const cluster = data && node.world.etcd.find(data.clusterId);
  if (!data || !cluster || !node.world.etcd.isRunning(data.memberId)) throw fail.unavailable('etcd is not running: connection refused');
  if (needsQuorum && !node.world.etcd.hasQuorum(cluster.id)) throw fail.unavailable('etcdserver: no leader');
  return { data, cluster };
}

export const etcdRoutes: readonly Route[] = [
  unaryRoute(service.EtcdMemberList, 'AORE', (request, call) => {
    const { cluster } = local(call, 'etcd member list', !request.queryLocal);
    const members = cluster.members.map((member) => ({
      id: idOf(member.id), hostname: member.name, peerUrls: [`https://${member.address}:2380`], clientUrls: [`https://${member.address}:2379`], isLearner: member.learner,
    }));
    return { messages: [{ legacyMembers: members.map((member) => member.hostname), members }] };
  }),
  unaryRoute(service.EtcdStatus, 'AORE', (_request, call) => {
    const { data, cluster } = local(call, 'etcd status', false);
    const learner = cluster.members.find((member) => member.id === data.memberId)?.learner ?? false;
    const raftIndex = BigInt(cluster.revision);
    return {
      messages: [{
        memberStatus: {
          memberId: idOf(data.memberId), protocolVersion: etcdVersion, storageVersion: '3.6.0', dbSize: dbSizeBytes, dbSizeInUse: dbSizeBytes / 2n,
          leader: cluster.leader === undefined ? 0n : idOf(cluster.leader), raftIndex, raftAppliedIndex: raftIndex, raftTerm: BigInt(cluster.term), isLearner: learner,
          errors: cluster.leader === undefined ? ['etcdserver: no leader'] : [],
        },
      }],
    };
  }),
  unaryRoute(service.EtcdAlarmList, 'AORE', (_request, call) => {
    local(call, 'etcd alarm list', true);
    return { messages: [{ memberAlarms: [] }] };
  }),
  unaryRoute(service.EtcdAlarmDisarm, 'AO', (_request, call) => {
    local(call, 'etcd alarm disarm', true);
    return { messages: [{ memberAlarms: [] }] };
  }),
  unaryRoute(service.EtcdDefragment, 'AO', (_request, call) => {
    local(call, 'etcd defragment', false);
    return { messages: [{}] };
  }),
  unaryRoute(service.EtcdForfeitLeadership, 'A', async (_request, call) => {
    const { data } = local(call, 'etcd forfeit leadership', true);
    const member = call.node.world.etcd.forfeit(data) ?? '';
    await call.node.world.etcd.saved();
    return { messages: [{ member }] };
  }),
  unaryRoute(service.EtcdLeaveCluster, 'A', async (_request, call) => {
    local(call, 'etcd leave cluster', true);
    try {
      leaveEtcd(call.node);
    } catch (error) {
      throw fail.precondition(error instanceof Error ? error.message : String(error));
    }
    setService(call.node.machine, call.node.log, 'etcd', 'Finished', 'Service finished successfully', false);
    call.node.changed();
    await call.node.world.etcd.saved();
    await call.node.machine.saved();
    return { messages: [{}] };
  }),
  unaryRoute(service.EtcdRemoveMemberByID, 'A', async (request, call) => {
    const { cluster } = local(call, 'etcd remove member', true);
    const memberId = request.memberId.toString(16).padStart(16, '0');
    switch (call.node.world.etcd.remove(cluster.id, memberId)) {
      case 'absent':
        throw fail.notFound('etcdserver: member not found');
      case 'last':
        throw fail.precondition('etcdserver: re-configuration failed due to not enough started members');
      case 'removed':
        call.node.machine.record('etcd-leave', call.by, `member ${memberId} removed`, { etcd: cluster.id, member: memberId });
    }
    await call.node.world.etcd.saved();
    await call.node.machine.saved();
    return { messages: [{}] };
  }),
];
