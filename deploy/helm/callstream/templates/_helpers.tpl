{{- define "callstream.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (default .Chart.Name .Values.nameOverride) .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "callstream.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "callstream.labels" -}}
{{ include "callstream.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "callstream.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "callstream.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* The roles that run for ever, by name: command, secrets (variable: key of
the secret), other variables, and the values in force. */ -}}
{{- define "callstream.roles" -}}
{{- $v := .Values -}}
{{- $tokens := dict "CALLSTREAM_SECRET_KEY" "CALLSTREAM_SECRET_KEY" -}}
{{- $keys := ternary (dict "AWS_ACCESS_KEY_ID" "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SECRET_ACCESS_KEY") (dict) $v.bucket.accessKeys -}}
{{- $public := dict "APP_HOST" (required "appHost is required: the public host name, where Twilio reaches callstream" $v.appHost) "PUBLIC_BASE_URL" $v.publicBaseURL -}}
{{- $stream := dict "STREAM_REPLICAS" ($v.streamReplicas | toString) -}}
{{- $bucket := dict "S3_BUCKET" $v.bucket.name "S3_REGION" $v.bucket.region "S3_ENDPOINT" $v.bucket.endpoint -}}
{{- $speech := dict "WHISPER_MODEL" $v.transcription.model "OPENAI_BASE_URL" $v.transcription.baseURL -}}
{{- $consume := dict "NATS_URL" "NATS_URL_CONSUME" -}}
{{- $roles := dict
  "ingress" (dict "args" (list "ingress") "secrets" (merge (dict "NATS_URL" "NATS_URL_INGRESS") $tokens) "env" (merge (dict) $stream $public) "values" $v.roles.ingress "consumer" false)
  "console" (dict "args" (list "console") "secrets" (merge (dict "NATS_URL" "NATS_URL_CONSOLE") $tokens $keys) "env" (merge (dict) $bucket $public) "values" $v.roles.console "consumer" false)
-}}
{{- $needs := dict
  "calls" (dict "secrets" $consume "env" $stream)
  "recorder" (dict "secrets" (merge (dict) $consume $tokens) "env" (merge (dict) $stream $public))
  "archiver" (dict "secrets" (merge (dict) $consume $tokens $keys) "env" (merge (dict) $stream $bucket))
  "transcriber" (dict "secrets" (merge (dict "OPENAI_API_KEY" "OPENAI_API_KEY") $consume $tokens $keys) "env" (merge (dict) $stream $bucket $speech))
  "reaper" (dict "secrets" (merge (dict) $consume $tokens) "env" $stream)
  "messages" (dict "secrets" $consume "env" $stream)
-}}
{{- range $name, $need := $needs }}
{{- $_ := set $roles $name (merge (dict "args" (list "consume" $name) "values" (index $v.consumers $name) "consumer" true) $need) }}
{{- end }}
{{- range $name, $role := $roles }}
{{- $_ := set $role "secrets" (merge (dict "DATABASE_URL" "DATABASE_URL") $role.secrets) }}
{{- $_ := set $role "env" (merge (dict "HTTP_ADDR" ":8080") $role.env) }}
{{- $_ := set $role "values" (mergeOverwrite (deepCopy $v.defaults) (default (dict) $role.values)) }}
{{- end }}
{{- toYaml $roles }}
{{- end }}

{{- /* A container: (dict "root" . "name" ... "args" ... "secrets" ... "env" ...). */ -}}
{{- define "callstream.container" -}}
name: {{ .name }}
image: {{ printf "%s:%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: {{ toJson .args }}
env:
  - {name: LOG_FORMAT, value: {{ .root.Values.log.format | quote }}}
  - {name: LOG_LEVEL, value: {{ .root.Values.log.level | quote }}}
  {{- range $name, $value := .env }}{{ if $value }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}{{ end }}
  {{- range $name, $key := .secrets }}
  - {name: {{ $name }}_FILE, value: /etc/callstream/{{ $key }}}
  {{- end }}
  {{- with .root.Values.extraEnv }}{{ toYaml . | nindent 2 }}{{ end }}
securityContext: {{- toYaml .root.Values.securityContext | nindent 2 }}
volumeMounts:
  - {name: secrets, mountPath: /etc/callstream, readOnly: true}
  {{- with .root.Values.extraVolumeMounts }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}

{{- /* The volumes of a pod that is given these secrets: (dict "root" . "secrets" ...). */ -}}
{{- define "callstream.volumes" -}}
- name: secrets
  secret:
    secretName: {{ .root.Values.existingSecret }}
    defaultMode: 0440
    items:
      {{- range $key := values .secrets | uniq | sortAlpha }}
      - {key: {{ $key }}, path: {{ $key }}}
      {{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
