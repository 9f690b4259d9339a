#!/bin/sh
# Starts Traefik with the parts of its configuration that the profiles in $COMPOSE_PROFILES and LAB_ACME_DOMAIN enable.
#
# Traefik has a single static configuration, without conditions. Optional lines of traefik.yaml are therefore comments that begin
# with "#logging ", "#tracing " or "#acme ", and this script removes that prefix.
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
if [ -n "${LAB_ACME_DOMAIN:-}" ]; then
  if ! printf '%s\n' "$LAB_ACME_DOMAIN" | grep -Eq '^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$'; then
    echo "LAB_ACME_DOMAIN=$LAB_ACME_DOMAIN: allowed is a public host name in lower case, such as lab.example.org" >&2
    exit 1
  fi
  server=${LAB_ACME_SERVER:-https://acme-v02.api.letsencrypt.org/directory}
  if ! printf '%s\n' "$server" | grep -Eq '^https://[A-Za-z0-9.:/_-]+$'; then
    echo "LAB_ACME_SERVER=$server: allowed is the https:// address of an ACME directory" >&2
    exit 1
  fi
  # Without a volume, each new container would request a new certificate, and authorities limit how often they issue one.
  if ! [ -w /acme ]; then
    echo "LAB_ACME_DOMAIN=$LAB_ACME_DOMAIN: user $(id -u) cannot write to /acme; mount a folder there, as in docs/tls.md" >&2
    exit 1
  fi
  expressions="$expressions; s/^\( *\)#acme /\1/; s|@ACME_DOMAIN@|$LAB_ACME_DOMAIN|; s|@ACME_SERVER@|$server|"
fi
for part in logging tracing; do
  case ",${COMPOSE_PROFILES:-}," in
  *,"$part",* | *,"*",*) expressions="$expressions; s/^\( *\)#$part /\1/" ;;
  esac
done
sed -e "$expressions" /etc/traefik/traefik.yaml >/tmp/traefik.yaml
exec traefik --configFile=/tmp/traefik.yaml
