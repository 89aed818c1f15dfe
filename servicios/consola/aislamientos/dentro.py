"""Los guiones del aislamiento `docker`: lo que corre a cada lado de un `docker exec`."""

from __future__ import annotations

# Bash entierra a los huérfanos solo mientras espera a un hijo suyo; de ahí el sleep.
# El quinto campo de loadavg es el último pid repartido: si es el del sleep, no ha nacido nadie más.
PROCESO_1 = """
ultimo=0
while ((SECONDS - ultimo < $1)); do
  sleep "$2" &
  wait
  read -r _ _ _ _ nacido </proc/loadavg
  vivos=(/proc/[0-9]*)
  ((nacido == $! && ${#vivos[@]} == 1)) || ultimo=$SECONDS
done
"""
"""El proceso 1 de un contenedor: acaba tras $1 segundos sin nadie más, mirando cada $2."""

# El entorno viaja por sus nombres, para que ningún valor esté a la vista en la línea de órdenes.
# HOME es del agente: el programa docker leería de ahí qué complementos ejecutar como nosotros.
EXEC = """
docker=$1 demonio=$2 sitio=$3 carpeta=$4
shift 4
for nombre in $(compgen -e); do
  case $nombre in
    _ | SHLVL | OLDPWD | HOME) ;;
    *) entorno+=(-e "$nombre") ;;
  esac
done
HOME=/nonexistent exec "$docker" --config /nonexistent -H "$demonio" \\
  exec -w "$carpeta" -e "HOME=$HOME" "${entorno[@]}" "$sitio" "$@"
"""
"""Fuera: ejecuta el resto de los argumentos en el contenedor $3 con nuestro entorno."""

# Solo con lo que bash trae: si la orden agotó los procesos, aquí ya no se puede crear ninguno.
# De la orden es su raíz y lo que cuelgue de ella, y también todo huérfano (cuelga del proceso 1):
# nadie sabe de quién era. Las raíces de cada `exec` tienen por padre al 0; en la sesión 1, donde
# nadie puede entrar, solo están el proceso 1 y su sleep.
# Primero se detiene a todos: mientras se mata a un padre, un hijo suelto seguiría pariendo.
_MATAR = """
declare -A padre detenido

mirar() {
  padre=() suyos=()
  local p raiz datos
  for p in /proc/[0-9]*; do
    datos=
    read -r -d '' datos <"$p/stat"
    datos=(${datos##*) })
    [[ -z ${datos[0]} || ${datos[0]} == [ZX] || ${datos[3]} == 1 ]] ||
      padre[${p#/proc/}]=${datos[1]}
    unset datos
  done
  for p in "${!padre[@]}"; do
    raiz=$p
    while ((${padre[$raiz]:-1} > 1)); do raiz=${padre[$raiz]}; done
    ((p == $$)) || { [[ ${padre[$raiz]} == 0 ]] && ajena "$raiz"; } || suyos+=("$p")
  done
}

ajena() {
  local argumentos=()
  mapfile -d '' argumentos <"/proc/$1/cmdline"
  [[ ${argumentos[*]} != *"$marca"* ]]
}

matar() {
  local ronda p nuevos
  for ronda in {1..60}; do
    mirar
    ((${#suyos[@]})) || return 0
    nuevos=()
    for p in "${suyos[@]}"; do [[ -n ${detenido[$p]} ]] || nuevos+=("$p"); done
    if ((${#nuevos[@]})); then
      kill -STOP "${nuevos[@]}"
      for p in "${nuevos[@]}"; do detenido[$p]=1; done
    else
      kill -KILL "${suyos[@]}"
      detenido=()
    fi
  done 2>/dev/null
  return 1
}
"""

# El demonio puede tardar en empezar una orden ya cancelada: la señal del remate la espera aquí.
# Se mata lo que quede antes de acabar: si no, `docker exec` esperaría a que soltara la salida.
# El subproceso es para que el «Killed» del intérprete no ensucie la salida de errores.
ENTRADA = f"""
marca=$0
[[ ! -e /tmp/.rematada-$marca ]] || exit 137
unset SHLVL OLDPWD
{_MATAR}
muertes() {{
  local archivo que
  cuantas=
  for archivo in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    while read -r que REPLY; do
      [[ $que != oom_kill ]] || cuantas=$REPLY
    done <"$archivo"
  done
}}
exec 3>&2 2>/dev/null
muertes
antes=$cuantas
( exec timeout -s KILL "$marca" "$@" 2>&3 3>&- )
codigo=$?
muertes
[[ $cuantas == "$antes" ]] || echo "límite de memoria: el contenedor mató parte de la orden" >&3
exec 3>&-
matar
exit "$codigo"
"""
"""Dentro: la orden, con $0 de plazo y de marca, y la muerte de lo que deje."""

REMATE_DENTRO = f"""
marca=$0
: >"/tmp/.rematada-$marca"
{_MATAR}
matar
"""
"""Dentro: mata lo que queda de la orden de marca $0 y nada de otra que esté en marcha."""

CONGELAR_DENTRO = f"""
marca=$0
{_MATAR}
detener() {{
  local ronda p nuevos
  for ronda in {{1..60}}; do
    mirar
    nuevos=()
    for p in "${{suyos[@]}}"; do [[ -n ${{detenido[$p]}} ]] || nuevos+=("$p"); done
    ((${{#nuevos[@]}})) || return 0
    kill -STOP "${{nuevos[@]}}"
    for p in "${{nuevos[@]}}"; do detenido[$p]=1; done
  done 2>/dev/null
  return 1
}}
detener
"""
"""Dentro: detiene lo que hay de la orden de marca $0."""

DESCONGELAR_DENTRO = f"""
marca=$0
{_MATAR}
mirar
((${{#suyos[@]}})) || exit 0
kill -CONT "${{suyos[@]}}" 2>/dev/null || true
"""
"""Dentro: sigue lo que hay de la orden de marca $0, también lo que se hubiera detenido solo."""

ENTRAR = """
docker=("$1" --config /nonexistent -H "$2")
HOME=/nonexistent exec timeout 5 "${docker[@]}" exec "$3" bash -p -c "$5" "$4"
"""
"""Fuera: ejecuta en el contenedor $3 el guion $5 para la orden $4."""

REMATE = """
docker=("$1" --config /nonexistent -H "$2")
sitio=$3 marca=$4 dentro=$5
export HOME=/nonexistent
timeout 5 "${docker[@]}" exec "$sitio" bash -p -c "$dentro" "$marca" ||
  exec "${docker[@]}" kill "$sitio"
"""
"""Fuera: remata la orden $4 del contenedor $3; si ni siquiera se puede entrar, lo mata entero."""
