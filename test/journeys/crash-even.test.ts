import { crashAtBoundaries } from './crash.ts';

// The other half is in crash-odd.test.ts: two files, because files run side by side.
crashAtBoundaries('even', (boundary) => boundary % 2 === 0);
