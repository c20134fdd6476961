# Sourced by whoever follows deploy/session.md: builds callstream and a
# nats-server, and defines how their processes are started and stopped on this
# machine. All that is kept is in ./session.
#
#   . deploy/session.sh

mkdir -p session
go build -o session/callstream . && go build -o session/nats-server github.com/nats-io/nats-server/v2 || return

callstream() { session/callstream "$@"; }

# start NAME COMMAND... runs a process in the background; its output is in
# session/NAME.log.
start() {
  "${@:2}" > "session/$1.log" 2>&1 &
  echo $! > "session/$1.pid"
}

# stop NAME [SIGNAL] ends it, in order unless a signal says otherwise.
stop() { kill "-${2:-TERM}" "$(cat "session/$1.pid")"; }

# node N starts a NATS node; nats.conf is the one of production.
export CALLSTREAM_NATS_INGRESS=ingress CALLSTREAM_NATS_CONSUME=consume
export CALLSTREAM_NATS_CONSOLE=console CALLSTREAM_NATS_OPERATE=operate
node() {
  start "nats-$1" session/nats-server -c nats.conf -n "nats-$1" -a 127.0.0.1 -p "422$1" -sd "session/nats-$1" \
    --cluster_name callstream --cluster "nats://127.0.0.1:622$1" \
    --routes nats://127.0.0.1:6221,nats://127.0.0.1:6222,nats://127.0.0.1:6223
}

# nats USER is the cluster's address for one of its users.
nats() { echo "nats://$1:$1@127.0.0.1:4221,nats://$1:$1@127.0.0.1:4222,nats://$1:$1@127.0.0.1:4223"; }

# What every role is told here. Everything outside is a double, at 8081.
export CALLSTREAM_DATA=session/parts STREAM_REPLICAS=3 LOG_LEVEL=warn PUBLIC_BASE_URL=http://127.0.0.1:8080
export TWILIO_API_URL=http://127.0.0.1:8081 TWILIO_EVENTS_URL=http://127.0.0.1:8081 TWILIO_INSIGHTS_URL=http://127.0.0.1:8081
export OPENAI_BASE_URL=http://127.0.0.1:8081/v1 OPENAI_API_KEY=any

# parts starts Postgres and S3, and tells this shell where they are.
parts() {
  NATS_URL=$(nats operate) start parts session/callstream up --no-roles
  until [ -s session/parts/instance.env ]; do sleep 0.2; done
  set -a && . session/parts/instance.env && set +a
}

# ingress PORT and consumer NAME N start a role as its own NATS user.
ingress() { NATS_URL=$(nats ingress) HTTP_ADDR=127.0.0.1:$1 start "ingress-$1" session/callstream ingress; }
consumer() { NATS_URL=$(nats consume) HTTP_ADDR=127.0.0.1:0 start "$1-$2" session/callstream consume "$1"; }

# finish stops everything that this shell started.
finish() {
  for pid in session/*.pid; do kill "$(cat "$pid")" 2>/dev/null; rm -f "$pid"; done
}
