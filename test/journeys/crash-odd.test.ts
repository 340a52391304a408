import { crashAtBoundaries } from './crash.ts';

// The other half is in crash-even.test.ts: two files, because files run side by side.
crashAtBoundaries('odd', (boundary) => boundary % 2 === 1);
