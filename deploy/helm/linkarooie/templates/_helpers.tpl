{{/* The first part of every object's name. Cut to 50 characters, so that "-analytics" and a pod's suffix still fit in 63. */}}
{{- define "linkarooie.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that never change, so that selectors may use them. Takes a dict of root and component. */}}
{{- define "linkarooie.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* All labels of an object. Takes a dict of root and, where there is one, component. */}}
{{- define "linkarooie.labels" -}}
{{ include "linkarooie.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: linkarooie
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "linkarooie.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The port that a service is called at. Takes the service's values. */}}
{{- define "linkarooie.port" -}}
{{- ternary 8080 50051 (eq .protocol "http") -}}
{{- end -}}

{{/* Settings that all processes share, by variable. */}}
{{- define "linkarooie.config" -}}
{{- $config := dict "LINKAROOIE_GRPC_LISTEN" "0.0.0.0:50051" "LINKAROOIE_METRICS_HOST" "0.0.0.0" "LINKAROOIE_METRICS_PORT" "9100" -}}
{{- range $name, $service := .Values.services -}}
{{- if eq $service.protocol "grpc" -}}
{{- /* Headless, so that the client sees every pod and spreads its calls over them. */ -}}
{{- $_ := set $config (printf "LINKAROOIE_%s_TARGET" (upper $name)) (printf "dns:///%s-%s.%s.svc:50051" (include "linkarooie.fullname" $) $name $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := .Values.config -}}
{{- $_ := set $config (printf "LINKAROOIE_%s" $name) $value -}}
{{- end -}}
{{- with .Values.otlpEndpoint -}}
{{- $_ := set $config "OTEL_EXPORTER_OTLP_ENDPOINT" . -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The secrets of the backends in `uses`, by variable. Takes a dict of root and uses. */}}
{{- define "linkarooie.backendEnv" -}}
{{- $env := dict -}}
{{- range $backend := .uses -}}
{{- range $name, $reference := (include "linkarooie.backend" (dict "root" $.root "name" $backend) | fromYaml).secrets -}}
{{- $_ := set $env (printf "LINKAROOIE_%s" $name) (dict "valueFrom" (dict "secretKeyRef" $reference)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{/* One backend's values. Takes a dict of root and name. */}}
{{- define "linkarooie.backend" -}}
{{- if not (hasKey .root.Values.backends .name) -}}
{{- fail (printf "uses names %q, which is not under backends; add it there or correct the name" .name) -}}
{{- end -}}
{{- toYaml (index .root.Values.backends .name) -}}
{{- end -}}

{{/* A list of environment variables from a map by name, each name once. */}}
{{- define "linkarooie.envList" -}}
{{- range $name, $source := . }}
- name: {{ $name }}
  {{- toYaml $source | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What the "restricted" pod security standard asks of a pod. */}}
{{- define "linkarooie.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The same of a container, and a read-only file system beside. */}}
{{- define "linkarooie.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Egress that follows from `uses` and from having to resolve names. Takes a dict of root and uses. */}}
{{- define "linkarooie.egress" -}}
- to:
    {{- toYaml .root.Values.networkPolicy.dnsTo | nindent 4 }}
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- range $name := ternary (append .uses "otlp") .uses (not (empty .root.Values.otlpEndpoint)) }}
{{- $backend := include "linkarooie.backend" (dict "root" $.root "name" $name) | fromYaml }}
- ports:
    {{- range $backend.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with $backend.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The part of a probe that asks whether the process is there at all. Takes the service's values. */}}
{{- define "linkarooie.alive" -}}
{{- if eq .protocol "grpc" -}}
tcpSocket: {port: grpc}
{{- else -}}
httpGet: {path: /healthz, port: http}
{{- end -}}
{{- end -}}

{{/* NetworkPolicy peers: the pods of some components of this release. Takes a dict of root and names. */}}
{{- define "linkarooie.components" -}}
- podSelector:
    matchLabels:
      {{- include "linkarooie.selectorLabels" (dict "root" .root) | nindent 6 }}
    matchExpressions:
      - key: app.kubernetes.io/component
        operator: In
        values: {{ toJson .names }}
{{- end -}}
