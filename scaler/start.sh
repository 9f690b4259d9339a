#!/bin/sh
# Compose starts this script as root, which creates the folder of the decision log in the checkout. The scaler then runs without
# capabilities as the owner of the checkout, or as the user node if root owns the checkout.
set -eu
if [ "$(id -u)" = 0 ]; then
  state=$SCALER_STATE
  # The folders between reports/ and the folder of the log, such as the folder of the project, get the same owner.
  owner=$(stat -c %u:%g reports)
  [ "${owner%:*}" != 0 ] || owner=1000:1000
  mkdir -p "$state"
  folder=$state
  while [ "$folder" != reports ] && [ "$folder" != . ] && [ "$folder" != / ]; do
    chown "$owner" "$folder"
    folder=$(dirname "$folder")
  done
  find "$state" -maxdepth 1 -name 'decisions*.jsonl' -exec chown "$owner" {} +
  exec setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups --bounding-set=-all --inh-caps=-all \
    node scaler/src/main.ts "$@"
fi
exec node scaler/src/main.ts "$@"
