#!/bin/sh
# Started by Compose as root, it makes the folder of the decision log, which may lie in anybody's checkout, and goes on as that
# checkout's owner, or as node where root itself owns it: without a capability, and without a way to get one back.
set -eu
if [ "$(id -u)" = 0 ]; then
  state=${SCALER_STATE:-reports/scaler}
  mkdir -p "$state"
  owner=$(stat -c %u:%g "$(dirname "$state")")
  [ "${owner%:*}" != 0 ] || owner=1000:1000
  chown "$owner" "$state"
  find "$state" -maxdepth 1 -name 'decisions*.jsonl' -exec chown "$owner" {} +
  exec setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups --bounding-set=-all --inh-caps=-all \
    node scaler/src/main.ts "$@"
fi
exec node scaler/src/main.ts "$@"
