#!/bin/sh
# Starts Traefik with the parts of its configuration that the profiles in $COMPOSE_PROFILES switch on.
#
# Traefik takes one static configuration from one place, and has no condition in it. So the lines of a part stand in
# traefik.yaml as comments that begin with "#logging " or "#tracing ", and lose that beginning here.
set -eu

expressions="s/@SAMPLER_RATIO@/${OTEL_TRACES_SAMPLER_ARG:-0.01}/"
for part in logging tracing; do
  case ",${COMPOSE_PROFILES:-}," in
  *,"$part",* | *,"*",*) expressions="$expressions; s/^\( *\)#$part /\1/" ;;
  esac
done
sed -e "$expressions" /etc/traefik/traefik.yaml >/tmp/traefik.yaml
exec traefik --configFile=/tmp/traefik.yaml
