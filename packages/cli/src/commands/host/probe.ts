import { problem } from '@keelson/std';
import { parseCommand, usageError, type Command, type CommandContext } from '../../arguments.ts';
import { CommandError, exitCode, renderProblem } from '../../output/failure.ts';
import { renderTable } from '../../output/table.ts';
import { cliProblems } from '../../problems.ts';
import { worldOf } from '../../world.ts';

const options = { user: { type: 'string', short: 'u' }, 'password-file': { type: 'string' }, insecure: { type: 'boolean' }, output: { type: 'string', short: 'o' } } as const;

export const hostProbeCommand: Command = {
  name: 'host probe',
  summary: 'Reports what a BMC can do and what would fail, changing nothing.',
  usage: 'host probe ADDRESS [-u USER] [--password-file FILE] [--insecure] [-o json]',
  examples: ['KEELSON_BMC_PASSWORD=… keelson host probe redfish-virtualmedia://127.77.1.11:8443/redfish/v1/Systems/1 -u admin --insecure', 'keelson host probe https://10.0.4.17 -u admin --password-file bmc.txt'],
  options,
  optionHelp: { user: 'account on the BMC', 'password-file': 'a file with the password (default: the variable KEELSON_BMC_PASSWORD)', insecure: 'accept any certificate', output: 'json prints the report as data' },
  async run(context) {
    const { values, positionals } = parseCommand('host probe', context, options);
    const address = positionals[0];
    if (!address) throw usageError('host probe', 'name the address of a BMC: keelson host probe redfish://10.0.4.17');
    const [env, { probeBmc }] = await Promise.all([worldOf(context), import('@keelson/bmc')]);
    const password = await passwordOf(values['password-file'], context, env.files);
    const credentials = values.user !== undefined && password !== undefined ? { username: values.user, password } : undefined;
    const report = await probeBmc(env, address, credentials, { insecureSkipVerify: values.insecure ?? false, signal: context.signal, credentialsFrom: values.user ? `account ${values.user}` : 'no account was given' });
    if (values.output === 'json') context.out(`${JSON.stringify(report, null, 2)}\n`);
    else {
      context.out(renderTable(['CHECK', 'RESULT', 'DETAIL'], report.rows.map(({ check, result, detail }) => [check, result, detail]), context.width === undefined ? {} : { width: context.width }));
      context.out(`\n${report.usable ? 'Keelson can use this host.' : 'Keelson cannot use this host yet.'}\n`);
      for (const found of report.problems) context.err(renderProblem(found));
    }
    return report.usable ? exitCode.done : exitCode.no;
  },
};

async function passwordOf(file: string | undefined, context: CommandContext, files: { read(path: string): Promise<Uint8Array | undefined> }): Promise<string | undefined> {
  if (file === undefined) return context.env['KEELSON_BMC_PASSWORD'];
  const { resolve } = await import('node:path');
  const bytes = await files.read(resolve(context.cwd, file));
  if (!bytes) throw new CommandError(problem(cliProblems.usage, { what: `there is no file ${file}`, help: 'host probe' }, { why: 'the password is read from it' }));
  return new TextDecoder().decode(bytes).trimEnd();
}
