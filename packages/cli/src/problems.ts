import { defineProblems } from '@keelson/std';

export const cliProblems = defineProblems({
  usage: { code: 'CLI.USAGE', severity: 'error', summary: '{what}', next: ['keelson {help} --help'] },
  noServer: { code: 'CLI.NO_SERVER', severity: 'error', summary: 'no API answers at {where}', next: ['start it: keelson up --lab examples/datacenter', 'or name another: --kubeconfig FILE, --data-dir DIR'] },
  noKubeconfig: { code: 'CLI.NO_KUBECONFIG', severity: 'error', summary: 'there is no kubeconfig at {path}', next: ['start Keelson: keelson up --lab examples/datacenter', 'or name one: --kubeconfig FILE'] },
  kubeconfigInvalid: { code: 'CLI.KUBECONFIG_INVALID', severity: 'error', summary: 'the kubeconfig at {path} cannot be used', next: ['name another: --kubeconfig FILE', 'kubectl config view --kubeconfig {path} --flatten --minify >plain.yaml writes one without files'] },
  refused: { code: 'CLI.REFUSED', severity: 'error', summary: 'the API at {where} refuses', next: ['keelson status'] },
  unauthorised: { code: 'CLI.UNAUTHORISED', severity: 'error', summary: 'the API at {where} does not accept the credentials', next: ['take the kubeconfig that the running process wrote: --data-dir DIR'] },
  notFound: { code: 'CLI.NOT_FOUND', severity: 'error', summary: '{what} is not there', next: ['keelson get {kind}'] },
  unknownKind: { code: 'CLI.UNKNOWN_KIND', severity: 'error', summary: '"{kind}" is no kind that Keelson knows', next: ['keelson get --help', 'kubectl api-resources shows what the API has'] },
  notOfFlux: { code: 'CLI.NOT_OF_FLUX', severity: 'error', summary: 'a {kind} cannot be asked to reconcile', next: ['name a source or an app: keelson reconcile source/NAME', 'keelson trace {kind}/{name} shows what it waits for'] },
  notPublished: { code: 'CLI.NOT_PUBLISHED', severity: 'error', summary: 'cluster {name} has not published its {what} yet', next: ['keelson trace cluster/{name}'] },
  timedOut: { code: 'CLI.TIMED_OUT', severity: 'error', summary: 'not everything is ready after {timeout}', next: ['keelson status', 'keelson trace {first}'] },
  labSilent: { code: 'CLI.LAB_SILENT', severity: 'error', summary: 'the lab in {path} does not answer', next: ['start it: keelson up --lab examples/datacenter --data-dir {path}'] },
  notALab: { code: 'CLI.NOT_A_LAB', severity: 'error', summary: '{path} holds the state of a Keelson without a lab', next: ['give the lab a directory of its own: --data-dir DIR', 'or start without it: keelson up --data-dir {path}'] },
  noLab: { code: 'CLI.NO_LAB', severity: 'error', summary: 'there is no lab in {path}', next: ['keelson up --lab examples/datacenter'] },
  unexpected: { code: 'CLI.UNEXPECTED', severity: 'error', summary: 'this is a fault of Keelson: {what}', next: ['run it again with KEELSON_DEBUG=1 and report what it prints'] },
  noStoreKey: { code: 'CLI.NO_STORE_KEY', severity: 'error', summary: 'there is no key at {path} to keep with the backup', next: ['leave out --with-key: nothing is sealed yet, or the key is elsewhere'] },
  storeFindings: { code: 'CLI.STORE_FINDINGS', severity: 'error', summary: '{what} is damaged', next: ['keelson store restore FILE --confirm DIR, with the newest backup that checks well'] },
});
