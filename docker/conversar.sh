#!/bin/sh
# Construye la imagen y conversa en un contenedor endurecido; lo llama `make docker`.
# Con argumentos, son los de main.py: docker/conversar.sh -p «tarea».
# Usa Compose si lo hay; si no, docker a secas con lo mismo que dice compose.yaml.
set -eu
cd "$(dirname "$0")/.."

falla() {
  echo "$1" >&2
  exit 1
}

command -v docker >/dev/null 2>&1 ||
  falla "Hace falta Docker: instálalo (en Debian o Ubuntu: apt install docker.io) y repite."
docker version >/dev/null 2>&1 ||
  falla "El demonio de Docker no responde: ¿está arrancado, y tu usuario en el grupo docker?"

if [ -n "${SWARM_DATA:-}" ]; then
  mkdir -p "$SWARM_DATA"
  SWARM_DATA=$(cd "$SWARM_DATA" && pwd)
  # Una carpeta de quien llama solo la puede escribir quien llama; dentro nunca se es root.
  [ "$(id -u)" = 0 ] || SWARM_USER=${SWARM_USER:-$(id -u):$(id -g)}
  export SWARM_DATA SWARM_USER
fi

# Sin terminal a los dos lados no se puede pedir uno.
terminal=
sin_terminal=-T
if [ -t 0 ] && [ -t 1 ]; then
  terminal=-t
  sin_terminal=
fi

compose=
if docker compose version >/dev/null 2>&1; then
  compose="docker compose"
elif command -v docker-compose >/dev/null 2>&1; then
  compose="docker-compose"
fi
if [ -n "$compose" ]; then
  compose="$compose -p enjambre -f docker/compose.yaml"
  if [ -f .env ]; then compose="$compose --env-file .env"; fi
  $compose build >&2
  exec $compose run --rm $sin_terminal enjambre "$@"
fi

# El constructor antiguo no lee Dockerfile.dockerignore: se le manda solo lo que ahí se admite.
# shellcheck disable=SC2046
tar -cf - --exclude=__pycache__ docker/Dockerfile $(sed -n 's/^!//p' docker/Dockerfile.dockerignore) |
  docker build -f docker/Dockerfile -t enjambre --network "${SWARM_BUILD_NETWORK:-default}" \
    --build-arg "BASE_IMAGE=${BASE_IMAGE:-python:3.12-slim}" - >&2

# El valor de una variable en .env, sin comillas ni comentario.
valor_en_env() {
  sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" .env | tail -n 1 |
    sed -e 's/^"\([^"]*\)".*/\1/' -e t -e "s/^'\([^']*\)'.*/\1/" -e t \
      -e 's/[[:space:]]#.*//' -e 's/[[:space:]]*$//'
}

conocidas=$(sed -n '/^    environment:/,/^[^ ]/ s/^      - //p' docker/compose.yaml)
entorno=
for nombre in $conocidas; do
  eval "valor=\${$nombre:-}"
  if [ -z "$valor" ] && [ -f .env ]; then valor=$(valor_en_env "$nombre"); fi
  if [ -n "$valor" ]; then
    # Por su nombre: en la línea de órdenes lo leería cualquiera.
    export "$nombre=$valor"
    entorno="$entorno -e $nombre"
  fi
done

# shellcheck disable=SC2086
exec docker run --rm --init -i $terminal $entorno \
  --user "${SWARM_USER:-10001:10001}" --read-only --cap-drop ALL \
  --security-opt no-new-privileges:true \
  --tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m \
  --volume "${SWARM_DATA:-enjambre_datos}:/app/data" \
  --pids-limit 512 --memory 2g --memory-swap 2g --cpus "${SWARM_CPUS:-1}" \
  --network "${SWARM_NETWORK:-bridge}" --log-driver none \
  enjambre "$@"
