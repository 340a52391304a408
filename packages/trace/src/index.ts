export * from './chain.ts';
export * from './problem-list.ts';
export * from './relations.ts';
export * from './snapshot.ts';
export * from './state.ts';
export * from './timeline.ts';
export * from './tree.ts';
