{{- define "common.names.name" -}}{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "common.names.fullname" -}}{{ if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}{{ else if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}{{- end -}}
{{- define "common.names.namespace" -}}{{ default .Release.Namespace .Values.namespaceOverride }}{{- end -}}
{{- define "common.labels.standard" -}}
app.kubernetes.io/name: {{ include "common.names.name" (default . .context) }}
app.kubernetes.io/instance: {{ (default . .context).Release.Name }}
{{- end -}}
{{- define "common.labels.matchLabels" -}}{{ include "common.labels.standard" . }}{{- end -}}
{{- define "common.capabilities.deployment.apiVersion" -}}apps/v1{{- end -}}
{{- define "common.capabilities.ingress.apiVersion" -}}networking.k8s.io/v1{{- end -}}
{{- define "common.capabilities.rbac.apiVersion" -}}rbac.authorization.k8s.io/v1{{- end -}}
{{- define "common.images.image" -}}{{ .imageRoot.repository }}:{{ .imageRoot.tag }}{{- end -}}
{{- define "common.tplvalues.render" -}}{{ if typeIs "string" .value }}{{ tpl .value .context }}{{ else }}{{ tpl (.value | toYaml) .context }}{{ end }}{{- end -}}
{{- define "common.tplvalues.merge" -}}{{ $d := dict }}{{ range .values }}{{ $d = include "common.tplvalues.render" (dict "value" . "context" $.context) | fromYaml | merge $d }}{{ end }}{{ $d | toYaml }}{{- end -}}
