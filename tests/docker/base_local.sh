#!/usr/bin/env bash
# Una imagen base sin registro: los paquetes que ya tiene esta Debian y, si se dan, ruedas para pip.
#   base_local.sh IMAGEN [CARPETA_DE_RUEDAS]    (DOCKER_HOST dice en qué demonio)
# Escribe «listo» o «no: causa».
set -euo pipefail
imagen=$1
ruedas=${2:-}
raices=(base-files bash coreutils dash findutils grep libc-bin mawk passwd python3 python3-venv sed tar
  util-linux ca-certificates)
for paquete in "${raices[@]}"; do
  dpkg-query -s "$paquete" >/dev/null 2>&1 || { echo "no: falta el paquete $paquete"; exit 0; }
done

aparte=$(mktemp -d)
trap 'rm -rf "$aparte"' EXIT
mkdir -p "$aparte/etc" "$aparte/opt/ruedas"
# Los usuarios de esta máquina no pintan nada dentro.
cp /usr/share/base-passwd/passwd.master "$aparte/etc/passwd"
cp /usr/share/base-passwd/group.master "$aparte/etc/group"
[ -z "$ruedas" ] || cp "$ruedas"/* "$aparte/opt/ruedas"
chmod -R a+rX "$aparte"

paquetes=$(apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts \
  --no-breaks --no-replaces --no-enhances "${raices[@]}" | grep -E '^[a-z0-9]' | sort -u)
# /bin y compañía son enlaces: un archivo listado dentro va en su sitio de verdad.
# shellcheck disable=SC2086
{ dpkg-query -L $paquetes 2>/dev/null || true; } | grep '^/.' |
  grep -vE '^/usr/share/(doc|man|locale|info|lintian|bug)/|^/etc/(passwd|group)$' |
  sed -E 's#^/(s?bin|lib[0-9x]*)/#/usr/\1/#' | sort -u >"$aparte/lista"
printf '%s\n' /etc/alternatives/awk /usr/bin/awk /usr/bin/sh /etc/ld.so.cache /etc/nsswitch.conf \
  /etc/ssl/certs/ca-certificates.crt /bin /sbin /lib /lib64 >>"$aparte/lista"
while IFS= read -r ruta; do
  [ ! -e "$ruta" ] && [ ! -L "$ruta" ] || printf '%s\n' "${ruta#/}"
done <"$aparte/lista" | sort -u >"$aparte/hay"

tar -C / --no-recursion -T "$aparte/hay" -cf "$aparte/base.tar"
tar -C "$aparte" --owner 0 --group 0 -rf "$aparte/base.tar" etc/passwd etc/group opt
docker import -c 'ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/ruedas' "$aparte/base.tar" "$imagen" >/dev/null
echo listo
