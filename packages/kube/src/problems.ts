import { defineProblems } from '@keelson/std';

/** Problems of what a user wrote as Kubernetes manifests. */
export const kubeProblems = defineProblems({
  yamlInvalid: {
    code: 'YAML.INVALID',
    severity: 'error',
    summary: '{file} cannot be read as YAML',
    next: ['{hint}'],
    reason: 'InvalidYaml',
  },
});
