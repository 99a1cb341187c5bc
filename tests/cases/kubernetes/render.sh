#!/bin/sh
# Render Prefect's charts with this project's values, into the files beside this script.
#
#   tests/cases/kubernetes/render.sh CHARTS      CHARTS: the folder `charts` of PrefectHQ/prefect-helm; helm on the path
#
# common/ stands in for Bitnami's chart of that name, as far as Prefect's charts use it: names, labels, templates.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
values=$(cd "$here/../../../deployments" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for chart in worker server; do
  cp -r "$1/prefect-$chart" "$work/$chart"
  mkdir -p "$work/$chart/charts"
  cp -r "$here/common" "$work/$chart/charts/"
  sed -i '/^dependencies:/,/^[a-ce-z]/{/^dependencies:/d;/^ /d}' "$work/$chart/Chart.yaml"
done
for chart in worker server; do
  given=$values/kubernetes/$chart.yaml
  {
    echo "# Made by render.sh from deployments/kubernetes/$chart.yaml, sha256 $(sha256sum "$given" | cut -c1-64)"
    helm template "prefect-$chart" "$work/$chart" --namespace mailup --values "$given" \
      --set worker.config.baseJobTemplate.configuration='\{\}'
  } >"$here/$chart.rendered.yaml"
done
