export * from './cluster-host.ts';
export { createLabClusters, type LabClustersOptions } from './lab-clusters.ts';
