{{ define "h" }}H{{ .Values.s }}{{ end }}{{ define "rec" }}{{ include "rec" . }}{{ end }}{{ define "err" }}
 {{ .Values.s.nope }}{{ end }}