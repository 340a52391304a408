#!/bin/sh
# Writes expected.yaml of every case (or of those named) from a released kustomize, inside kubectl: 1.32.4 has kustomize 5.5.0.
cd "$(dirname "$0")" || exit 1
[ $# -gt 0 ] || set -- */
for case in "$@"; do
  kubectl kustomize "${case%/}/in" >"${case%/}/expected.yaml" || echo "failed: $case"
done
