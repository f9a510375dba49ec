{{- define "studio-links.name" -}}
{{- $name := ternary .Release.Name (printf "%s-studio-links" .Release.Name) (contains "studio-links" .Release.Name) -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "studio-links.selector" -}}
app.kubernetes.io/name: studio-links
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "studio-links.labels" -}}
{{ include "studio-links.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "studio-links.secretName" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-slack" (include "studio-links.name" .)) -}}
{{- end }}

{{/* The two secrets that the transport needs, separated by a space */}}
{{- define "studio-links.secretKeys" -}}
SLACK_BOT_TOKEN {{ ternary "SLACK_SIGNING_SECRET" "SLACK_APP_TOKEN" (eq .Values.transport "http") }}
{{- end }}

{{- define "studio-links.usesReferences" -}}
{{- range $key, $value := .Values.secrets.references }}{{ if $value }}yes{{ end }}{{ end -}}
{{- end }}

{{/* Refuse values that fit the schema and contradict each other. */}}
{{- define "studio-links.check" -}}
{{- $values := .Values -}}
{{- $routes := or .Values.ingress.enabled .Values.gateway.enabled -}}
{{- if or (not .Values.image.repository) (not .Values.image.digest) -}}
{{- fail "image is incomplete: set image.repository, and image.digest to the sha256:... that your registry shows for it" -}}
{{- end -}}
{{- if not .Values.region -}}
{{- fail "region is missing: set region to the AWS region of the tables, such as eu-west-1" -}}
{{- end -}}
{{- if and (eq .Values.transport "socket") $routes -}}
{{- fail "transport is socket, and ingress or gateway is enabled: set transport to http, or switch both off, because nothing may reach a bot over Socket Mode" -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.gateway.enabled -}}
{{- fail "ingress and gateway are both enabled: switch one off, so that Slack has one way in" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is missing: set it to the host name that Slack calls" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (or (not .Values.gateway.host) (not .Values.gateway.parentRefs)) -}}
{{- fail "gateway is incomplete: set gateway.host to the host name that Slack calls, and gateway.parentRefs to your Gateway" -}}
{{- end -}}
{{- if and (eq .Values.transport "socket") (gt (int .Values.replicas) 5) -}}
{{- fail "replicas is above 5: Slack allows ten Socket Mode connections per app, and a pod has two whenever Slack renews one; set 5 or fewer, or transport to http" -}}
{{- end -}}
{{- $sources := list -}}
{{- if include "studio-links.usesReferences" . -}}{{- $sources = append $sources "secrets.references" -}}{{- end -}}
{{- if .Values.secrets.existingSecret -}}{{- $sources = append $sources "secrets.existingSecret" -}}{{- end -}}
{{- if .Values.secrets.externalSecret.storeName -}}{{- $sources = append $sources "secrets.externalSecret.storeName" -}}{{- end -}}
{{- if ne (len $sources) 1 -}}
{{- fail (printf "Slack's secrets need one source, and %s: set exactly one of secrets.references, secrets.existingSecret and secrets.externalSecret.storeName" (ternary "none is set" (printf "these are set: %s" (join ", " $sources)) (empty $sources))) -}}
{{- end -}}
{{- /* Not in the schema, whose errors quote the value: it may be a secret. */ -}}
{{- if not (regexMatch "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$" .Values.secrets.existingSecret) -}}
{{- fail "secrets.existingSecret is no name: set it to the name of a Secret in the release's namespace" -}}
{{- end -}}
{{- range $name, $value := .Values.secrets.references -}}
{{- if not (regexMatch "^((aws-secretsmanager|ssm)://\\S+)?$" $value) -}}
{{- fail (printf "secrets.references.%s is no reference: set it to aws-secretsmanager://NAME_OR_ARN#%s or ssm://NAME, and revoke what is there now if it is the secret itself, because Helm keeps values" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if include "studio-links.usesReferences" . -}}
{{- range splitList " " (include "studio-links.secretKeys" .) -}}
{{- if not (index $values.secrets.references .) -}}
{{- fail (printf "secrets.references.%s is missing: transport %s needs it; set it to aws-secretsmanager://NAME_OR_ARN#%s or ssm://NAME" . $values.transport .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if or (hasPrefix "SLACK_" .name) (hasPrefix "STUDIO_" .name) (has .name (list "HOST" "PORT" "METRICS_PORT" "AWS_REGION")) -}}
{{- fail (printf "extraEnv has %s, which the chart sets itself: use secrets for Slack's secrets, settings for other variables of .env.example, and region" .name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.approvalRules .Values.settings.STUDIO_APPROVALS_FILE -}}
{{- fail "approvalRules and settings.STUDIO_APPROVALS_FILE are both set: keep approvalRules, whose file the chart mounts itself" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) -}}
{{- fail "serviceMonitor is enabled, and networkPolicy lets nobody read the metrics: set networkPolicy.metricsFrom to the peers of Prometheus, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" -}}
{{- end -}}
{{- end }}
