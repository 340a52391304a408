#!/usr/bin/env node
import { runProgram } from './program.ts';

const stop = new AbortController();
let stopCode = 0;
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
  process.on(signal, () => {
    // The second signal does not wait for an orderly end.
    if (stopCode !== 0) process.exit(code);
    stopCode = code;
    stop.abort(new Error(signal));
  });
}
// A reader that closes the pipe early (head) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70));

process.exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  cwd: process.cwd(),
  width: process.stdout.isTTY ? process.stdout.columns : undefined,
  isTerminal: process.stdout.isTTY === true,
  isErrTerminal: process.stderr.isTTY === true,
  signal: stop.signal,
});
if (stopCode !== 0 && process.exitCode === 0) process.exitCode = stopCode;
