#!/usr/bin/env bash
# Un demonio de Docker prestado: vive mientras su entrada siga abierta y al irse no deja nada.
#   demonio.sh CARPETA    (la borra al irse; su ruta es corta: cabe en un socket)
# Escribe «listo» cuando responde en unix://CARPETA/sock, o «no: causa» y acaba.
set -u
carpeta=$1
export DOCKER_HOST=unix://$carpeta/sock
cgrupo=enjambre-prueba-$$
trap '' INT TERM HUP

no() {
  echo "no: $1"
  limpiar
  exit 0
}

limpiar() {
  # Los contenedores, antes que el demonio: los que los vigilan le sobreviven.
  vivos=$(docker ps -aq 2>/dev/null)
  # shellcheck disable=SC2086
  [ -z "$vivos" ] || docker rm -f $vivos >/dev/null 2>&1
  if pid=$(cat "$carpeta/pid" 2>/dev/null); then
    kill -TERM "$pid" 2>/dev/null
    for _ in {1..100}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
  fi
  awk -v bajo="$carpeta/" 'index($2, bajo) == 1 { print $2 }' /proc/mounts | sort -r |
    xargs -r umount -l 2>/dev/null
  rm -rf "$carpeta"
  find /sys/fs/cgroup -depth -type d -path "*/$cgrupo*" -exec rmdir {} + 2>/dev/null
}

mkdir -p "$carpeta"
[ "$(id -u)" = 0 ] || no "hace falta ser root"
for programa in docker dockerd; do
  command -v "$programa" >/dev/null || no "falta el programa $programa"
done
# Si a este guion lo matan sin más, que al menos el demonio no se quede.
setpriv --pdeathsig TERM setsid dockerd \
  --data-root "$carpeta/raiz" --exec-root "$carpeta/exec" -p "$carpeta/pid" \
  -H "$DOCKER_HOST" --bridge=none --iptables=false --ip6tables=false --ip-forward=false \
  --ip-masq=false --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$cgrupo" \
  >"$carpeta/registro" 2>&1 </dev/null &
demonio=$!
for _ in {1..75}; do
  docker version >/dev/null 2>&1 && break
  kill -0 "$demonio" 2>/dev/null || no "dockerd no arranca: $(tail -n 1 "$carpeta/registro")"
  sleep 0.2
done
docker version >/dev/null 2>&1 || no "dockerd no responde: $(tail -n 1 "$carpeta/registro")"
echo listo
cat >/dev/null
limpiar
