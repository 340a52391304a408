export { chainOf, causeText, type Chain, type Level, type Link } from './chain.ts';
export { collect, servedKind, type CollectOptions } from './collect.ts';
export { findingsOf, healthSentence, type Finding } from './findings.ts';
export * from './relations.ts';
export * from './snapshot.ts';
export { stateOf } from './state.ts';
export type { ObjectState, StateName } from './states/object-state.ts';
export { milestonesOf, timelineOf, type Moment } from './timeline.ts';
export { treeOf, type TreeNode } from './tree.ts';
