# Enjambre. `make` a secas enseña qué se puede hacer.
# Cada orden prepara .venv y lo que falte; si ya está todo, no tarda ni toca la red.

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input -c requirements-lock.txt
BASE := requirements.txt requirements-lock.txt
DEV := $(BASE) requirements-dev.txt

# Una marca por contenido: cambiar un requisito reinstala; cambiar de rama y volver, no.
MARCA_BASE := .venv/.base-$(shell cat $(BASE) | cksum | tr ' ' '-')
MARCA_DEV := .venv/.dev-$(shell cat $(DEV) | cksum | tr ' ' '-')
A_MEDIAS := .venv/.a-medias

.PHONY: help chat docker test lint formato bench prueba-larga limpio FORZAR

help: ## Enseña esta ayuda
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chat: $(MARCA_BASE) ## Conversa con el enjambre (sin clave: demostración)
	@$(PY) main.py

docker: ## Construye la imagen y conversa dentro de un contenedor
	@docker/conversar.sh

test: lint ## Pasa todas las comprobaciones y pruebas, sin red
	@# Lo que mide tiempos o desborda la máquina (marca solo) no admite compañía.
	@mal=0; $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m 'not solo' || mal=$$?; \
	$(PY) -m pytest -m solo && exit $$mal

lint: $(MARCA_DEV) ## Pasa las comprobaciones que no ejecutan nada
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@$(PY) .venv/bin/lint-imports

formato: $(MARCA_DEV) ## Ordena el código
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

bench: $(MARCA_DEV) ## Mide el rendimiento contra un suelo
	@$(PY) -m tests.rendimiento

prueba-larga: $(MARCA_DEV) ## Mata el programa mil veces, le cruza órdenes en 200 sesiones y lo usa 40 minutos sin piedad: nada se pierde ni se repite
	@# TORTURA="--muertes 60", CRUCES="--sesiones 20" y ARGS="--minutos 3 --semilla 7" las acortan o las repiten.
	@$(PY) -m tests.tortura $(TORTURA)
	@$(PY) -m tests.cruces $(CRUCES)
	@$(PY) -m tests.larga $(ARGS)

limpio: ## Borra .venv y las cachés; conserva data/ y .env
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .benchmarks
	@find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# --- El entorno -------------------------------------------------------------------------

# Busca un Python desde 3.11 con venv. $PYTHON manda; un .venv sano se queda como está.
# La marca a medias sobrevive a una instalación cortada: la siguiente empieza de cero.
define PREPARAR
set -e; trap 'exit 130' HUP INT TERM; \
if [ -e $(A_MEDIAS) ] || ! $(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
  elegido=; viejo=; \
  for py in $${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do \
    "$$py" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
    viejo="$$py"; \
    "$$py" -c 'import venv, ensurepip' >/dev/null 2>&1 || continue; \
    elegido="$$py"; break; \
  done; \
  if [ -z "$$elegido" ] && [ -n "$$viejo" ]; then \
    echo "A $$viejo le falta el módulo venv: instálalo (en Debian o Ubuntu: apt install python3-venv) y repite." >&2; exit 1; \
  elif [ -z "$$elegido" ]; then \
    echo "Hace falta Python 3.11 o más nuevo: instálalo o di dónde está, por ejemplo «make chat PYTHON=/ruta/a/python3.12»." >&2; exit 1; \
  fi; \
  echo "Preparando .venv con $$elegido (solo la primera vez, uno o dos minutos)…"; \
  "$$elegido" -m venv --clear --without-pip .venv; touch $(A_MEDIAS); \
  $(PY) -m ensurepip --default-pip >/dev/null; \
fi; \
touch $(A_MEDIAS)
endef

define INSTALAR
$(PREPARAR); \
$(PIP) -r $(1) || { rm -f $(A_MEDIAS); \
  echo "No se pudo instalar $(1): mira el error de arriba (¿hay red?) y repite." >&2; exit 1; }; \
rm -f .venv/.base-* .venv/.dev-* $(A_MEDIAS); touch $(2)
endef

# Sin su Python (se actualizó el sistema) la marca no vale.
ifeq ($(wildcard $(PY)),)
$(MARCA_BASE) $(MARCA_DEV): FORZAR
endif
ifneq ($(wildcard $(A_MEDIAS)),)
$(MARCA_BASE) $(MARCA_DEV): FORZAR
endif

$(MARCA_BASE):
	@$(call INSTALAR,requirements.txt,$@)

$(MARCA_DEV):
	@$(call INSTALAR,requirements-dev.txt,$(MARCA_BASE) $@)
