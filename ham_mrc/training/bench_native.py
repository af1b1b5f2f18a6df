"""Which layers ran in compiled code. Every `layers/native_NAME.py` has some, in an autograd function of its own."""

from __future__ import annotations

import importlib
import pkgutil

from torch import Tensor

from ham_mrc import layers

PREFIX = "native_"


def compiled_layers(output: Tensor) -> list[str]:
    """The names of the compiled layers that `output` was computed with; `output` must have a gradient."""
    found, seen, waiting = set(), set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        function = getattr(node, "_forward_cls", None)  # the class of a function that is written in Python
        module = "" if function is None else function.__module__.rpartition(".")[2]
        if module.startswith(PREFIX):
            found.add(module.removeprefix(PREFIX))
        waiting += [following for following, _ in node.next_functions]
    return sorted(found)


def not_compiled() -> dict[str, str]:
    """Why each layer that could be compiled is not: no compiler, or switched off. Builds what was never built."""
    names = [module.name for module in pkgutil.iter_modules(layers.__path__) if module.name.startswith(PREFIX)]
    found = {name: importlib.import_module(f"{layers.__name__}.{name}").compiled() for name in names}
    return {name.removeprefix(PREFIX): native.why for name, native in found.items() if native.library is None}
