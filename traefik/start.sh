#!/bin/sh
# Starts Traefik with the parts of its configuration that the profiles in $COMPOSE_PROFILES enable.
#
# Traefik has a single static configuration, without conditions. Optional lines of traefik.yaml are therefore comments that begin
# with "#logging " or "#tracing ", and this script removes that prefix.
set -eu

# dynamic/pages.yaml would allow either all origins or none if it could not parse the list.
if printf '%s\n' "${ALLOWED_ORIGINS:-}" | grep -Evq '^(https?://[A-Za-z0-9.-]+(:[0-9]+)?(,|$))*$'; then
  echo "ALLOWED_ORIGINS=$ALLOWED_ORIGINS: allowed are origins separated by commas, such as https://lab.example,http://localhost:5173" >&2
  exit 1
fi

# The configuration in dynamic/ would treat any other value as false.
for setting in "LAB_HARDENED=${LAB_HARDENED:-}" "LAB_CERTIFICATE=${LAB_CERTIFICATE:-}"; do
  case "${setting#*=}" in
  true | false | "") ;;
  *) echo "$setting: allowed is true or false" >&2 && exit 1 ;;
  esac
done
# Without its certificate, Traefik would use a self-signed one.
for file in lab.crt lab.key; do
  if [ "${LAB_CERTIFICATE:-}" = true ] && ! [ -r "/etc/traefik/certs/$file" ]; then
    echo "LAB_CERTIFICATE=true: user $(id -u) cannot read traefik/certs/$file; ./lab tls creates it, and ./lab tls --remove disables the setting" >&2
    exit 1
  fi
done

expressions="s/@SAMPLER_RATIO@/${OTEL_TRACES_SAMPLER_ARG:-0.01}/"
for part in logging tracing; do
  case ",${COMPOSE_PROFILES:-}," in
  *,"$part",* | *,"*",*) expressions="$expressions; s/^\( *\)#$part /\1/" ;;
  esac
done
sed -e "$expressions" /etc/traefik/traefik.yaml >/tmp/traefik.yaml
exec traefik --configFile=/tmp/traefik.yaml
