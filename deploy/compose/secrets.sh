#!/usr/bin/env bash
# Writes secrets/ for compose.yaml: random passwords, and the addresses that
# hold them. What is random is made once and kept. The containers' users read
# the files; it is the folder that keeps others on this machine out.
set -euo pipefail
cd "$(dirname "$0")"
umask 022
mkdir -p secrets
chmod 0700 secrets
cd secrets

# once NAME COMMAND... writes NAME from the command's output unless it is there.
once() { [ -s "$1" ] || "${@:2}" > "$1"; }
key() { head -c 32 /dev/urandom | base64; }
# A password starts with a letter: nats-server reads 12e4 as a number.
password() { echo "p$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"; }

once secret_key key # keep a copy elsewhere: without it nobody can read the Twilio tokens
for name in postgres_password s3_access_key s3_secret_key nats_ingress nats_consume nats_console nats_operate nats_route; do
  once $name password
done
once openai_api_key echo "${OPENAI_API_KEY:?is the key of the transcription service}"

# nodes USER PORT lists the NATS nodes' addresses with that user's password.
nodes() {
  for node in nats-1 nats-2 nats-3; do echo "nats://$1:$(cat "nats_$1")@$node:$2"; done
}
for user in ingress consume console operate; do nodes $user 4222 | paste -sd, > nats_${user}_url; done
{
  for user in ingress consume console operate route; do echo "CALLSTREAM_NATS_${user^^}=$(cat nats_$user)"; done
  echo "CALLSTREAM_NATS_ROUTES='[$(nodes route 6222 | sed 's/.*/"&"/' | paste -sd,)]'"
} > nats.env

echo "postgres://callstream:$(cat postgres_password)@postgres/callstream?sslmode=disable" > database_url
{
  echo "ROOT_ACCESS_KEY=$(cat s3_access_key)"
  echo "ROOT_SECRET_KEY=$(cat s3_secret_key)"
  echo "AWS_ACCESS_KEY_ID=$(cat s3_access_key)"
  echo "AWS_SECRET_ACCESS_KEY=$(cat s3_secret_key)"
} > s3.env
