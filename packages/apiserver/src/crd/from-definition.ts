import { definitionLabels } from '@keelson/api';
import type { PrinterColumn, ScalePaths, Subresource } from '@keelson/api/tables';
import type { KubeObject } from '@keelson/kube';
import type { Schema } from '@keelson/kube/schema';
import { lazy } from '../registry/from-table.ts';
import type { Resource, ResourceVersion } from '../registry/resource.ts';
import { groupSegment, groupVersion } from '../registry/resource.ts';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, listAt, numberAt, textAt, textsAt } from '../kinds/fields.ts';
import { customStrategy } from '../kinds/strategy.ts';

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
const changeVerbs = ['get', 'patch', 'update'] as const;

/** The resource that a valid CustomResourceDefinition declares. Values written up to `schemaRevision` are older than its schema. */
export function resourceOfDefinition(definition: KubeObject, schemaRevision: number): Resource {
  const spec = fieldsAt(definition, 'spec');
  const names = fieldsAt(spec, 'names');
  const group = textAt(spec, 'group') ?? '';
  const plural = textAt(names, 'plural') ?? '';
  const kind = textAt(names, 'kind') ?? '';
  return {
    group,
    kind,
    listKind: textAt(names, 'listKind') ?? `${kind}List`,
    plural,
    singular: textAt(names, 'singular') ?? kind.toLowerCase(),
    shortNames: textsAt(names, 'shortNames'),
    categories: textsAt(names, 'categories'),
    namespaced: textAt(spec, 'scope') === 'Namespaced',
    verbs: allVerbs,
    builtIn: false,
    versions: listAt(spec, 'versions').map((version) => versionOf(group, version)),
    strategy: customStrategy,
    prefix: `${groupSegment(group)}/${plural}/`,
    schemaRevision,
    isTerminating: definition.metadata.deletionTimestamp !== undefined,
  };
}

function versionOf(group: string, version: Fields): ResourceVersion {
  const name = textAt(version, 'name') ?? '';
  const scale = scaleOf(fieldsAt(version, 'subresources', 'scale'));
  const subresources: Subresource[] = [];
  if (scale) subresources.push({ name: 'scale', verbs: changeVerbs, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } });
  if (fieldsAt(version, 'subresources', 'status')) subresources.push({ name: 'status', verbs: changeVerbs });
  const warning = textAt(version, 'deprecationWarning');
  return {
    name,
    served: version['served'] === true,
    storage: version['storage'] === true,
    deprecationWarning: version['deprecated'] === true ? (warning ?? `${group}/${name} is deprecated`) : undefined,
    columns: listAt(version, 'additionalPrinterColumns').map(columnOf),
    selectableFields: listAt(version, 'selectableFields').flatMap((field) => textAt(field, 'jsonPath') ?? []),
    subresources,
    scale,
    // The definition's own validation has found it structural.
    schema: lazy(() => ({ schema: (fieldsAt(version, 'schema', 'openAPIV3Schema') ?? {}) as Schema, dialect: 'structural' as const })),
  };
}

function scaleOf(scale: Fields | undefined): ScalePaths | undefined {
  const specReplicasPath = textAt(scale, 'specReplicasPath');
  const statusReplicasPath = textAt(scale, 'statusReplicasPath');
  if (specReplicasPath === undefined || statusReplicasPath === undefined) return undefined;
  return { specReplicasPath, statusReplicasPath, labelSelectorPath: textAt(scale, 'labelSelectorPath') };
}

function columnOf(column: Fields): PrinterColumn {
  return {
    name: textAt(column, 'name') ?? '',
    type: textAt(column, 'type') ?? 'string',
    format: textAt(column, 'format'),
    priority: numberAt(column, 'priority'),
    jsonPath: textAt(column, 'jsonPath') ?? '',
  };
}

/** The CustomResourceDefinition that would declare a resource. */
export function definitionOfResource(resource: Resource): KubeObject {
  const labels = definitionLabels(resource);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource.plural}.${resource.group}`, ...(labels ? { labels: { ...labels } } : {}) },
    spec: {
      group: resource.group,
      names: {
        kind: resource.kind,
        listKind: resource.listKind,
        plural: resource.plural,
        singular: resource.singular,
        ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
        ...(resource.categories.length > 0 && { categories: resource.categories }),
      },
      scope: resource.namespaced ? 'Namespaced' : 'Cluster',
      versions: resource.versions.map((version) => definitionVersion(resource, version)),
    },
  };
}

function definitionVersion(resource: Resource, version: ResourceVersion): Fields {
  const subresources = {
    ...(version.subresources.some((sub) => sub.name === 'status') && { status: {} }),
    ...(version.scale && { scale: version.scale }),
  };
  return {
    name: version.name,
    served: version.served,
    storage: version.storage,
    ...(version.deprecationWarning !== undefined && { deprecated: true, ...(version.deprecationWarning !== `${groupVersion({ resource, version })} is deprecated` && { deprecationWarning: version.deprecationWarning }) }),
    schema: { openAPIV3Schema: version.schema().schema },
    ...(Object.keys(subresources).length > 0 && { subresources }),
    ...(version.columns.length > 0 && { additionalPrinterColumns: version.columns }),
    ...(version.selectableFields.length > 0 && { selectableFields: version.selectableFields.map((jsonPath) => ({ jsonPath })) }),
  };
}
