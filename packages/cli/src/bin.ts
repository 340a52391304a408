#!/usr/bin/env node
import { runProgram } from './program.ts';

const stop = new AbortController();
for (const [signal, signalCode] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
  process.on(signal, () => {
    // The second signal does not wait for an orderly end.
    if (stop.signal.aborted) process.exit(signalCode);
    stop.abort(signalCode);
  });
}
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    process.stderr.write(`✗ this is a fault of Keelson: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(70);
  });
}
// A reader that closes the pipe early (head) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70));

const code = await runProgram(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  cwd: process.cwd(),
  width: process.stdout.isTTY ? process.stdout.columns : undefined,
  isTerminal: process.stdout.isTTY === true,
  isErrTerminal: process.stderr.isTTY === true,
  signal: stop.signal,
});
// What a reader still waits for is written; connections to machines that keep trying must not hold the process.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit(code);
