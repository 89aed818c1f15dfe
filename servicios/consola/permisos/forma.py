"""Qué forma ha de tener una orden para poder permitirla: la lectura del árbol."""

from __future__ import annotations

from servicios.consola.permisos.arbol import Nodo, Palabra, argumentos, crudo, nodos, palabra

_NOMBRES = {
    "command_substitution": "una orden dentro de otra",
    "process_substitution": "una orden en lugar de un archivo",
    "simple_expansion": "una variable",
    "expansion": "una variable",
    "arithmetic_expansion": "una cuenta",
    "ansi_c_string": "un texto cifrado",
    "brace_expression": "unas llaves",
    "heredoc_redirect": "un documento de entrada",
    "herestring_redirect": "un texto de entrada",
    "variable_assignment": "una variable",
    "variable_assignments": "unas variables",
    "declaration_command": "una declaración",
    "unset_command": "una declaración",
    "function_definition": "una función",
    "subshell": "un subproceso",
    "compound_statement": "un grupo",
    "negated_command": "una negación",
    "&": "un trabajo en segundo plano",
    "|&": "una tubería de errores",
    "[[": "una comprobación de bash",
}
_ESTRUCTURA = {"program", "list", "pipeline", "redirected_statement", "file_redirect"}
_SUELTOS = {";", "&&", "||", "|", "\n", "comment", "file_descriptor"}
_REDIRIGIR = {">", ">>", "<", "&>", "&>>", ">&", ">&-"}
_HOJAS = {"word", "number", "raw_string", "string", "concatenation", "command_name"}
_DENTRO = {"string_content", '"', "$"}
_PRUEBA = {"test_command", "unary_expression", "binary_expression", "negation_expression"}
_PRUEBA |= {"parenthesized_expression", "test_operator"}
_ADMITIDOS = _ESTRUCTURA | _SUELTOS | _REDIRIGIR | _HOJAS | _DENTRO | _PRUEBA | {"command"}


def aplanar(raiz: Nodo) -> list[list[Palabra]] | str:
    """Las órdenes simples, en su orden, o qué tiene que no se puede permitir."""
    if raiz.has_error:
        return "no se puede analizar"
    ordenes: list[list[Palabra]] = []
    for nodo in nodos(raiz):
        if nodo.type not in _ADMITIDOS and not _de_prueba(nodo):
            que = _NOMBRES.get(nodo.type, f"algo que no es una orden simple ({nodo.type})")
            return f"lleva {que}: «{crudo(nodo)[:60]}»"
        if nodo.type == "command":
            ordenes.append(argumentos(nodo))
        elif nodo.type == "test_command":
            if nodo.children[0].type != "[":
                return f"lleva {_NOMBRES['[[']}: «{crudo(nodo)[:60]}»"
            ordenes.append(_hojas(nodo))
    return ordenes


def _de_prueba(nodo: Nodo) -> bool:
    """Los corchetes y operadores de un `[ … ]`, que en el árbol no son palabras."""
    madre = nodo.parent
    return not nodo.is_named and madre is not None and madre.type in _PRUEBA


def _hojas(nodo: Nodo) -> list[Palabra]:
    if nodo.type in _HOJAS or not nodo.children:
        return [palabra(nodo)]
    return [hoja for hijo in nodo.children for hoja in _hojas(hijo)]
