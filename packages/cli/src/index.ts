export { runProgram, version } from './program.ts';
