{{- define "session-cache.fullname" -}}
{{- printf "%s-session-cache" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "session-cache.selectorLabels" -}}
app.kubernetes.io/name: session-cache
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
