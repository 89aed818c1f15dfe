"""La lista de lo que se deniega, orden simple a orden simple."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from servicios.consola.permisos.conjunto import conjunto
from servicios.consola.permisos.envoltorios import dentro, programa
from servicios.consola.permisos.raices import (
    es_aparato,
    es_del_sistema,
    es_raiz,
    es_secreto_del_sistema,
)

_Argv = Sequence[str]

_PRIVILEGIOS = conjunto(
    "sudo sudoedit su doas pkexec gosu su-exec runuser setpriv chroot nsenter unshare umount capsh "
    "setcap pivot_root switch_root passwd chpasswd visudo vipw useradd adduser userdel deluser "
    "usermod groupadd groupmod gpasswd newgrp chsh chfn"
)
_SISTEMA = conjunto(
    "mkfs mke2fs mkswap swapon swapoff fdisk sfdisk cfdisk gdisk sgdisk parted losetup cryptsetup "
    "wipefs blkdiscard hdparm debugfs dmsetup pvcreate pvremove vgremove lvremove mdadm shutdown "
    "reboot halt poweroff telinit kexec killall5 insmod modprobe rmmod depmod iptables ip6tables "
    "iptables-restore ip6tables-restore nft ebtables arptables ufw firewall-cmd grub-install "
    "update-grub efibootmgr"
)
_APAGAR = conjunto("poweroff reboot halt kexec rescue emergency suspend hibernate hybrid-sleep")
_DESTRUYEN = {"rm", "shred", "unlink", "chmod", "chown", "mv"}
_LECTORES = conjunto(
    "cat tac head tail less more most bat nl od xxd hexdump strings base64 base32 cp mv ln rsync "
    "scp tar zip gzip sort uniq cut paste rev fold diff cmp dd install tee source . vi vim nano "
    "view ed curl wget nc openssl gpg shred wc"
)
_SOLO_PREGUNTAN = {"--version", "--help", "-V"}
_LECTORES_CON_PROGRAMA = {"grep", "egrep", "fgrep", "rg", "sed", "awk", "gawk", "mawk", "perl"}


def motivo_simple(argv: _Argv) -> str:
    """Por qué se deniega esta orden, sin mirar lo que lleve dentro; vacío si no se deniega."""
    if len(argv) > 1 and _SOLO_PREGUNTAN.issuperset(argv[1:]):
        return ""
    for nombre in re.split(r"[{},]+", programa(argv[0])):
        if nombre in _PRIVILEGIOS or (nombre == "mount" and len(argv) > 1):
            return f"«{nombre}» cambia de usuario o de privilegios"
        if nombre in _SISTEMA or nombre.startswith("mkfs."):
            return f"«{nombre}» toca discos, núcleo, red o el apagado"
        revisar = _POR_NOMBRE.get(nombre)
        if revisar is not None and (motivo := revisar(argv[1:])):
            return f"«{nombre}» {motivo}"
        if motivo := _leer(nombre, argv[1:]):
            return motivo
    return ""


def _opciones(argumentos: _Argv) -> set[str]:
    """Las cortas, sueltas, y las largas, con sus guiones."""
    puestas: set[str] = set()
    for una in argumentos:
        if una == "--":
            break
        if una.startswith("--"):
            puestas.add(una.partition("=")[0])
        elif una.startswith("-"):
            puestas.update(una[1:])
    return puestas


def _recursiva(argumentos: _Argv) -> bool:
    puestas = _opciones(argumentos)
    abreviadas = any("--recursive".startswith(una) and len(una) > 4 for una in puestas)
    return abreviadas or bool(puestas & {"r", "R"})


def _primera_raiz(argumentos: _Argv) -> str:
    raices = (una for una in argumentos if not una.startswith("-") and es_raiz(una))
    return next(raices, "")


def _rm(argumentos: _Argv) -> str:
    if any(len(una) > 5 and "--no-preserve-root".startswith(una) for una in argumentos):
        return "borra aunque sea la raíz"
    raiz = _primera_raiz(argumentos)
    if raiz and _recursiva(argumentos):
        return f"borra «{raiz}» entera"
    return _escribir(argumentos)


def _recursivo_en_raiz(argumentos: _Argv) -> str:
    raiz = _primera_raiz(argumentos)
    if raiz and _recursiva(argumentos):
        return f"cambia «{raiz}» entera"
    return _escribir(argumentos)


def _mv(argumentos: _Argv) -> str:
    raiz = _primera_raiz(argumentos[:-1])
    return f"se lleva «{raiz}» entera" if raiz else _escribir_al_final(argumentos)


def _escribir(argumentos: _Argv) -> str:
    malos = [una for una in argumentos if es_del_sistema(una) or es_aparato(una)]
    return f"escribe en «{malos[0]}»" if malos else ""


def _escribir_al_final(argumentos: _Argv) -> str:
    destinos = [una for una in argumentos if not una.startswith("-")][-1:]
    destinos += [una.partition("=")[2] for una in argumentos if una.startswith("--target-dir")]
    destinos += [b for a, b in pairwise(argumentos) if a == "-t"]
    return _escribir(destinos)


def _en_sitio(argumentos: _Argv) -> str:
    en_sitio = any(una.startswith(("-i", "--in-place")) for una in argumentos)
    return _escribir(argumentos) if en_sitio else ""


def _dd(argumentos: _Argv) -> str:
    for una in argumentos:
        clave, _, ruta = una.partition("=")
        if es_aparato(ruta) or (clave == "of" and es_del_sistema(ruta)):
            return f"trabaja sobre «{ruta}»"
    return ""


def _kill(argumentos: _Argv) -> str:
    todos = [lugar for lugar, una in enumerate(argumentos) if re.fullmatch(r"-0*1", una)]
    if any(lugar > 0 for lugar in todos) or (todos and len(argumentos) == 1):
        return "mata a todos los procesos"
    return ""


def _find(argumentos: _Argv) -> str:
    carpetas: list[str] = []
    for una in argumentos:
        if una.startswith("-") and una not in {"-H", "-L", "-P"}:
            break
        carpetas.append(una)
    raiz = _primera_raiz(carpetas)
    if not raiz:
        return ""
    ejecutan = dentro(["find", *argumentos])
    for orden in ejecutan:
        ejecutan.extend(dentro(orden))
    if "-delete" in argumentos or any(programa(orden[0]) in _DESTRUYEN for orden in ejecutan):
        return f"borra o cambia lo que encuentra en «{raiz}»"
    return ""


def _init(argumentos: _Argv) -> str:
    return "apaga o reinicia" if argumentos and argumentos[0] in {*"0123456", "s", "S"} else ""


def _systemctl(argumentos: _Argv) -> str:
    return "apaga o reinicia" if _APAGAR & set(argumentos) else ""


def _sysctl(argumentos: _Argv) -> str:
    cambia = any(una in {"-w", "--write", "-p", "--system"} or "=" in una for una in argumentos)
    return "cambia el núcleo" if cambia else ""


def _mknod(argumentos: _Argv) -> str:
    return "crea un aparato" if {"b", "c", "u"} & set(argumentos) else ""


def _leer(nombre: str, argumentos: _Argv) -> str:
    if nombre in _LECTORES_CON_PROGRAMA:
        operandos = [una for una in argumentos if not una.startswith("-")][1:]
    elif nombre in _LECTORES:
        operandos = list(argumentos)
    else:
        return ""
    for operando in operandos:
        ruta = re.split(r"[=@]|file://", operando)[-1]
        if es_secreto_del_sistema(ruta) or es_aparato(ruta):
            return f"«{operando}» es un secreto del sistema o un disco en crudo"
    return ""


_POR_NOMBRE: dict[str, Callable[[_Argv], str]] = {
    "rm": _rm,
    "rmdir": _escribir,
    "unlink": _escribir,
    "chmod": _recursivo_en_raiz,
    "chown": _recursivo_en_raiz,
    "chgrp": _recursivo_en_raiz,
    "chattr": _recursivo_en_raiz,
    "setfacl": _recursivo_en_raiz,
    "mv": _mv,
    "cp": _escribir_al_final,
    "ln": _escribir_al_final,
    "install": _escribir_al_final,
    "rsync": _escribir_al_final,
    "tee": _escribir,
    "touch": _escribir,
    "truncate": _escribir,
    "mkdir": _escribir,
    "shred": _escribir,
    "sed": _en_sitio,
    "perl": _en_sitio,
    "dd": _dd,
    "kill": _kill,
    "find": _find,
    "init": _init,
    "systemctl": _systemctl,
    "loginctl": _systemctl,
    "sysctl": _sysctl,
    "mknod": _mknod,
}
